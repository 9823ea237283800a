/// Bytes on their way to the socket: filled by sessions, written, emptied. One per loop.
/// Loop-confined.
@safe public final class HTTPOutputBuffer {
  /// Bytes written to the socket at once, at most.
  public static let capacityBytes = 131_072
  private let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: capacityBytes, alignment: 16)
  public private(set) var count = 0

  /// Bytes for which there is room.
  public var freeBytes: Int { Self.capacityBytes - count }

  public init() {}

  deinit { unsafe storage.deallocate() }

  /// Lends the bytes in it.
  public func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(unsafe UnsafeRawBufferPointer(rebasing: storage[..<count]).bytes)
  }

  public func removeAll() { count = 0 }

  /// - Returns: false, and nothing is appended, when there is no room.
  public func append(_ chunk: UnsafeRawBufferPointer) -> Bool {
    guard chunk.count <= Self.capacityBytes - count else { return false }
    unsafe UnsafeMutableRawBufferPointer(rebasing: storage[count...]).copyMemory(from: chunk)
    count += chunk.count
    return true
  }

  /// Writes a number in network order over the last four bytes.
  public func replaceLast(with number: UInt32) {
    precondition(count >= 4, "nothing to replace")
    unsafe storage.storeBytes(of: number.bigEndian, toByteOffset: count - 4, as: UInt32.self)
  }
}
