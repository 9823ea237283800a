internal import CNghttp2
internal import Glibc

/// The memory of an nghttp2 session: the session itself and the buffer for the frames it sends are
/// in one block, the rest is allocated by malloc.
///
/// The buffer is as large as a frame may be, and of what is sent on a quiet connection only its
/// begin is ever touched, which takes a page of memory of its own. Behind the session it lies in
/// the session's page: 4 KiB less for each idle connection.
@safe struct SessionMemory {
  /// Bytes of the block: the session (2.9 KiB), the buffer (16 KiB), and what is said about them.
  /// Where a session or its buffer does not fit, it is taken from elsewhere.
  static let blockBytes = 20_480
  /// The least that is no session but a buffer for frames.
  private static let bufferBytesMin = 16_384
  private static let alignmentBytes = 16

  /// At the block's begin.
  private struct Head {
    /// Bytes of the block in use, from its begin.
    var usedBytes = SessionMemory.alignmentBytes
    var hasSession = false
    var hasBuffer = false
  }

  let block: UnsafeMutableRawPointer

  init() {
    unsafe block = .allocate(byteCount: Self.blockBytes, alignment: Self.alignmentBytes)
    unsafe block.initializeMemory(as: Head.self, to: Head())
  }

  /// The session and its buffer lie side by side.
  var isWhole: Bool {
    let head = unsafe block.load(as: Head.self)
    return head.hasSession && head.hasBuffer
  }

  /// After the session's end, once.
  func deallocate() { unsafe block.deallocate() }

  /// Lends nghttp2's way to ask for memory, which a session copies.
  func withFunctions<Result>(_ body: (UnsafeMutablePointer<nghttp2_mem>) -> Result) -> Result {
    var functions = unsafe nghttp2_mem(
      mem_user_data: block,
      malloc: { size, block in unsafe SessionMemory.allocate(size, block) },
      free: { address, block in unsafe SessionMemory.free(address, block) },
      calloc: { count, size, block in unsafe SessionMemory.allocateZeroed(count, size, block) },
      realloc: { address, size, block in unsafe SessionMemory.resize(address, size, block) })
    return unsafe body(&functions)
  }

  // MARK: What malloc(3) describes

  static func allocate(_ size: Int, _ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    unsafe part(of: block, size) ?? malloc(size)
  }

  static func free(_ address: UnsafeMutableRawPointer?, _ block: UnsafeMutableRawPointer?) {
    if unsafe !isPart(address, of: block) { unsafe Glibc.free(address) }
  }

  static func allocateZeroed(_ count: Int, _ size: Int, _ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    let (bytes, overflows) = count.multipliedReportingOverflow(by: size)
    guard !overflows else { return nil }
    guard let part = unsafe part(of: block, bytes) else { return unsafe calloc(count, size) }
    return unsafe memset(part, 0, bytes)
  }

  static func resize(
    _ address: UnsafeMutableRawPointer?, _ size: Int, _ block: UnsafeMutableRawPointer?
  ) -> UnsafeMutableRawPointer? {
    guard let address = unsafe address else { return unsafe allocate(size, block) }
    guard let block = unsafe block, unsafe isPart(address, of: block) else { return unsafe realloc(address, size) }
    guard let moved = unsafe malloc(size) else { return nil }
    // Its size is unknown: copy up to the block's end.
    return unsafe memcpy(moved, address, min(size, block + blockBytes - address))
  }

  /// A part of the block, if it is kept for such; each is given once.
  private static func part(of block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
    guard let block = unsafe block else { return nil }
    let head = unsafe block.assumingMemoryBound(to: Head.self)
    // Nearly always: both were given long ago.
    guard unsafe !head.pointee.hasBuffer else { return nil }
    let start = unsafe head.pointee.usedBytes
    guard size <= blockBytes - start else { return nil }
    if unsafe !head.pointee.hasSession {
      // The first that is asked for is the session.
      unsafe head.pointee.hasSession = true
    } else {
      guard size >= bufferBytesMin else { return nil }
      unsafe head.pointee.hasBuffer = true
    }
    unsafe head.pointee.usedBytes = start + (size + alignmentBytes - 1) / alignmentBytes * alignmentBytes
    return unsafe block + start
  }

  private static func isPart(_ address: UnsafeMutableRawPointer?, of block: UnsafeMutableRawPointer?) -> Bool {
    guard let address = unsafe address, let block = unsafe block else { return false }
    return unsafe address >= block && address < block + blockBytes
  }
}
