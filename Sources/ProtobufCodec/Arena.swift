internal import CProtobufC
internal import Glibc

/// Memory for one decode or encode: allocated piece by piece, freed all at once.
///
/// The first two parts lie on the caller's stack, so that small messages allocate nothing on the
/// heap; further memory comes in chunks of doubling size.
@unsafe public struct Arena: ~Copyable {
  /// Bytes of each part on the stack: Swift allocates larger pieces on the heap.
  static let stackBytes = 1_024
  /// Every piece is aligned to this many bytes.
  static let alignmentBytes = 16

  private var next: UnsafeMutableRawPointer
  private var left: Int
  /// The second part on the stack, until it is used.
  private var spare: UnsafeMutableRawPointer?
  private var chunkBytes = 2 * stackBytes
  private var chunks = unsafe [UnsafeMutableRawPointer]()

  private init(_ first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer) {
    unsafe next = first
    unsafe left = Self.stackBytes
    unsafe spare = second
  }

  deinit {
    unsafe chunks.forEach { chunk in unsafe free(chunk) }
  }

  /// Lends an arena to `body`; everything allocated from it is freed when `body` returns.
  @inline(__always)
  static func with<Result>(_ body: (inout Arena) -> Result) -> Result {
    unsafe withUnsafeTemporaryAllocation(byteCount: stackBytes, alignment: alignmentBytes) { memory in
      unsafe withUnsafeTemporaryAllocation(byteCount: stackBytes, alignment: alignmentBytes) { more in
        guard let first = memory.baseAddress, let second = more.baseAddress else {
          preconditionFailure("a stack allocation without address")
        }
        var arena = unsafe Arena(first, second)
        return unsafe body(&arena)
      }
    }
  }

  /// Allocates `count` bytes, uninitialised; nil when memory runs out.
  public mutating func take(_ count: Int) -> UnsafeMutableRawPointer? {
    let alignmentMask = unsafe Self.alignmentBytes - 1
    let (rounded, overflow) = count.addingReportingOverflow(alignmentMask)
    guard !overflow else { return nil }
    let size = rounded & ~alignmentMask
    if unsafe size > left {
      if let second = unsafe spare, unsafe size <= Self.stackBytes {
        unsafe spare = nil
        unsafe next = second + size
        unsafe left = Self.stackBytes - size
        return unsafe second
      }
      unsafe chunkBytes = max(chunkBytes * 2, size)
      guard let chunk = unsafe malloc(chunkBytes) else { return nil }
      unsafe chunks.append(chunk)
      unsafe next = chunk
      unsafe left = chunkBytes
    }
    let taken = unsafe next
    unsafe next += size
    unsafe left -= size
    return unsafe taken
  }

  /// Lends the arena to protobuf-c as its allocator; protobuf-c's single frees do nothing.
  mutating func withAllocator<Result>(_ body: (UnsafeMutablePointer<ProtobufCAllocator>) -> Result) -> Result {
    unsafe withUnsafeMutablePointer(to: &self) { arena in
      var allocator = unsafe ProtobufCAllocator(
        alloc: { data, size in unsafe data?.assumingMemoryBound(to: Arena.self).pointee.take(size) },
        free: { _, _ in },
        allocator_data: UnsafeMutableRawPointer(arena))
      return unsafe body(&allocator)
    }
  }
}
