import HTTP
@testable import HTTP2
import Testing

struct SessionMemoryTests {
  private static let sessionBytes = 2_928
  private static let bufferBytes = 16_394

  /// Lends a block of its own to `body`.
  private func withBlock(_ body: (SessionMemory, UnsafeMutableRawPointer) throws -> Void) rethrows {
    let memory = SessionMemory()
    defer { memory.deallocate() }
    try body(memory, memory.block)
  }

  private func offset(_ address: UnsafeMutableRawPointer?, in block: UnsafeMutableRawPointer) -> Int? {
    guard let address, address >= block, address < block + SessionMemory.blockBytes else { return nil }
    return address - block
  }

  @Test("nghttp2's session and its frame buffer lie in one block", arguments: [HTTP2Session.Role.server, .client])
  func whole(role: HTTP2Session.Role) throws {
    let session = try HTTP2Session(role: role, resources: HTTP2Resources(limits: HTTPLimits()))
    withExtendedLifetime(session) { #expect(session.memory.isWhole) }
  }

  @Test("the first block and the first large one are parts of our block, each once; no others are")
  func parts() {
    withBlock { memory, block in
      let session = SessionMemory.allocateZeroed(1, Self.sessionBytes, block)
      #expect(offset(session, in: block) == 16 && !memory.isWhole)
      let small = SessionMemory.allocate(1_024, block)
      let zeroed = SessionMemory.allocateZeroed(256, 16, block)
      let buffer = SessionMemory.resize(nil, Self.bufferBytes, block)
      #expect(offset(buffer, in: block) == 16 + Self.sessionBytes && memory.isWhole)
      let another = SessionMemory.resize(nil, Self.bufferBytes, block)
      for address in [small, zeroed, another] {
        #expect(address != nil && offset(address, in: block) == nil)
        SessionMemory.free(address, block)
      }
      for address in [session, buffer] { SessionMemory.free(address, block) }
      // A part is given only once.
      let later = SessionMemory.allocate(Self.sessionBytes, block)
      #expect(offset(later, in: block) == nil)
      SessionMemory.free(later, block)
    }
  }

  @Test(
    "a block that does not fit is allocated elsewhere: a buffer of the remaining size fits, one byte more does not",
    arguments: [0, 1])
  func limits(more: Int) {
    withBlock { memory, block in
      _ = SessionMemory.allocate(Self.sessionBytes, block)
      let rest = SessionMemory.blockBytes - 16 - Self.sessionBytes
      let buffer = SessionMemory.allocate(rest + more, block)
      #expect((offset(buffer, in: block) != nil) == (more == 0) && memory.isWhole == (more == 0))
      SessionMemory.free(buffer, block)
    }
    withBlock { _, block in
      let session = SessionMemory.allocate(SessionMemory.blockBytes - 16 + more, block)
      #expect((offset(session, in: block) != nil) == (more == 0))
      SessionMemory.free(session, block)
    }
  }

  @Test("a part that grows is moved out with its content, other blocks are resized in place")
  func resized() throws {
    try withBlock { _, block in
      let session = try #require(SessionMemory.allocateZeroed(1, Self.sessionBytes, block))
      for index in 0..<Self.sessionBytes {
        session.storeBytes(of: UInt8(truncatingIfNeeded: index), toByteOffset: index, as: UInt8.self)
      }
      let moved = try #require(SessionMemory.resize(session, 2 * Self.sessionBytes, block))
      let again = try #require(SessionMemory.resize(moved, 4 * Self.sessionBytes, block))
      defer { SessionMemory.free(again, block) }
      #expect(offset(again, in: block) == nil)
      for index in 0..<Self.sessionBytes {
        #expect(again.load(fromByteOffset: index, as: UInt8.self) == UInt8(truncatingIfNeeded: index))
      }
      #expect(SessionMemory.allocateZeroed(.max, 2, block) == nil)
    }
  }

  @Test("a part that is requested zeroed contains no earlier bytes")
  func zeroed() throws {
    try withBlock { _, block in
      (block + 16).initializeMemory(as: UInt8.self, repeating: 0xFF, count: Self.sessionBytes)
      let session = try #require(SessionMemory.allocateZeroed(2, Self.sessionBytes / 2, block))
      for index in 0..<Self.sessionBytes { #expect(session.load(fromByteOffset: index, as: UInt8.self) == 0) }
    }
  }
}
