/// Looks for the end of a request's head, line by line, as its bytes come.
///
/// It decides on nothing that depends on how the bytes were split: each line is looked at once it
/// is whole, or longer than it may be.
struct HeadScan {
  /// Bytes of the request line, without its line end; nil until it is whole.
  private(set) var requestLineBytes: Int?
  /// Where Host lies, if a line of that name is whole.
  private(set) var hostLine: Range<Int>?
  /// Lines called Host.
  private(set) var hostLineCount = 0
  private var fieldLineCount = 0
  /// Where the line that is not whole begins.
  private var lineStart = 0
  /// Up to where there is no further line end.
  private var scannedBytes = 0

  /// Goes on with a head's bytes.
  /// - Parameter bytes: Of the head from its begin, as far as they are known, and perhaps more.
  /// - Returns: Bytes of the head, with the empty line at its end; nil until all of them are known.
  mutating func end(in bytes: Bytes, _ limits: HTTP1Limits) throws(HTTP1Refusal) -> Int? {
    if lineStart == 0, let first = unsafe bytes.first, FieldSyntax.tokenByte(first) == 0 { throw .requestLine }
    while let end = unsafe bytes.place(of: UInt8.lineFeed, from: scannedBytes) {
      scannedBytes = end + 1
      try checkLength(to: end, limits)
      guard end > lineStart, unsafe bytes[end - 1] == UInt8.carriageReturn else { throw .lineEnd }
      let line = lineStart..<end - 1
      lineStart = end + 1
      guard !line.isEmpty else { return lineStart }
      unsafe try take(line, bytes.part(line), limits)
    }
    scannedBytes = bytes.count
    try checkLength(to: bytes.count, limits)
    return nil
  }

  /// Whether the line, which ends at `end` or behind it, may be that long.
  private func checkLength(to end: Int, _ limits: HTTP1Limits) throws(HTTP1Refusal) {
    // One more: the carriage return.
    if requestLineBytes == nil, end - lineStart > limits.requestLineBytesMax + 1 { throw .requestLineTooLong }
    if end >= limits.headBytesMax { throw .headersTooLarge }
  }

  @inline(__always)
  private mutating func take(_ range: Range<Int>, _ line: Bytes, _ limits: HTTP1Limits) throws(HTTP1Refusal) {
    guard requestLineBytes != nil else {
      requestLineBytes = range.count
      return
    }
    fieldLineCount += 1
    guard fieldLineCount <= limits.fieldLinesMax else { throw .headersTooLarge }
    if unsafe line[0] | 0x20 == UInt8(ascii: "h"), unsafe line.beginsIgnoringCase("host:") {
      hostLineCount += 1
      hostLine = range
    }
  }
}
