internal import HTTP

/// Looks through a head that is refused for its size, up to its end: pages may read the refusal
/// only if the answer names their origin, and `Origin` may come behind what was too long.
///
/// No more than the begin of a line is kept.
struct OriginSearch {
  /// Bytes that are looked through, from the begin of the head: a head that does not end is refused
  /// all the same.
  static let bytesMax = 131_072
  /// Bytes that are kept of a line: longer ones are no origin that a browser sends, which has a
  /// scheme, a host name of at most 253 bytes and a port.
  private static let lineBytesMax = 512

  /// All of the head was looked through, or as much as is.
  private(set) var isOver = false
  /// The value of the first `Origin`; empty: none.
  private var origin: [UInt8] = []
  /// The line that is not whole, as far as it is kept.
  private var line: [UInt8] = []
  private var lineByteCount = 0
  private var byteCount = 0
  private var isInRequestLine = true

  /// - Parameter offset: Where to begin; moved behind what was looked through.
  mutating func look(through bytes: Bytes, _ offset: inout Int) {
    while offset < bytes.count, !isOver {
      let byte = unsafe bytes[offset]
      offset += 1
      byteCount += 1
      if byte == UInt8.lineFeed {
        takeLine()
      } else {
        lineByteCount += 1
        if line.count < Self.lineBytesMax { line.append(byte) }
      }
      if byteCount == Self.bytesMax { isOver = true }
    }
  }

  private mutating func takeLine() {
    if line.last == UInt8.carriageReturn { line.removeLast() }
    if !isInRequestLine {
      // The empty line ends the head.
      isOver = line.isEmpty
      if lineByteCount <= Self.lineBytesMax { takeOrigin() }
    }
    isInRequestLine = false
    line.removeAll(keepingCapacity: true)
    lineByteCount = 0
  }

  private mutating func takeOrigin() {
    unsafe line.withUnsafeBufferPointer { line in
      guard unsafe line.beginsIgnoringCase("origin:") else { return }
      origin = unsafe Array(line.part(7..<line.count).trimmed)
      isOver = true
    }
  }

  /// Gives the origin to the answer.
  func addOrigin(to headers: ReceivedHeaders) {
    guard !origin.isEmpty else { return }
    unsafe origin.withUnsafeBufferPointer { value in
      guard let valueStart = value.baseAddress else { return }
      let name: StaticString = "origin"
      unsafe headers.append(
        name: name.utf8Start, nameCount: name.utf8CodeUnitCount, value: valueStart, valueCount: value.count)
    }
  }
}
