internal import CProtobufC
internal import Glibc

/// Memory for one decode or encode: handed out in order, given back all at once.
///
/// The first part lies on the caller's stack, so that small messages allocate nothing; the rest comes in doubling chunks.
@unsafe public struct Arena: ~Copyable {
  /// Bytes on the stack.
  static let stackBytes = 2_048
  /// Every piece is aligned to this many bytes.
  static let alignmentBytes = 16

  private var next: UnsafeMutableRawPointer
  private var left: Int
  private var chunkBytes = stackBytes
  private var chunks = unsafe [UnsafeMutableRawPointer]()

  private init(_ first: UnsafeMutableRawBufferPointer, base: UnsafeMutableRawPointer) {
    unsafe next = base
    unsafe left = first.count
  }

  deinit {
    unsafe chunks.forEach { chunk in unsafe free(chunk) }
  }

  /// Lends an arena to `body`; everything taken from it dies when `body` returns.
  @inline(__always)
  static func with<Result>(_ body: (inout Arena) -> Result) -> Result {
    unsafe withUnsafeTemporaryAllocation(byteCount: stackBytes, alignment: alignmentBytes) { memory in
      guard let base = memory.baseAddress else { preconditionFailure("a stack allocation without address") }
      var arena = unsafe Arena(memory, base: base)
      return unsafe body(&arena)
    }
  }

  /// Takes `count` bytes, uninitialised; nil when there is no memory.
  public mutating func take(_ count: Int) -> UnsafeMutableRawPointer? {
    let alignmentMask = unsafe Self.alignmentBytes - 1
    let (rounded, overflow) = count.addingReportingOverflow(alignmentMask)
    guard !overflow else { return nil }
    let size = rounded & ~alignmentMask
    if unsafe size > left {
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

  /// Lends the arena to protobuf-c, which frees nothing piece by piece.
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
