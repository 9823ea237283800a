/// One field line, taken apart. Source: RFC 9112, section 5.
///
/// Refused by the names' syntax: lines that begin with a space (folded lines, section 5.2), spaces
/// in front of the colon (section 5.1), and lines without a colon.
struct FieldLine {
  let nameCount: Int
  /// Where the value lies in the line, without the spaces around it.
  let value: Range<Int>

  /// - Parameters:
  ///   - line: Without its line end.
  ///   - lowercaseName: Room for as many bytes as the line has; the name is written there.
  @inline(__always)
  init(_ line: Bytes, lowercaseName: UnsafeMutablePointer<UInt8>) throws(HTTP1Refusal) {
    guard let colon = unsafe line.place(of: UInt8(ascii: ":")),
      unsafe FieldSyntax.lowercase(line.part(0..<colon), to: lowercaseName)
    else { throw .fieldLine }
    nameCount = colon
    var start = colon + 1
    var end = line.count
    while start < end, unsafe line[start].isSpaceOrTab { start += 1 }
    while end > start, unsafe line[end - 1].isSpaceOrTab { end -= 1 }
    value = start..<end
    guard unsafe FieldSyntax.isValue(line.part(value)) else { throw .fieldLine }
  }

  /// Checks a line of a trailer section.
  ///
  /// Source of the names that it must not hold: RFC 9110, section 6.5.1.
  static func checkTrailer(_ line: Bytes) throws(HTTP1Refusal) {
    try unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: line.count + 1) { room throws(HTTP1Refusal) in
      guard let start = room.baseAddress else { return }
      let field = unsafe try FieldLine(line, lowercaseName: start)
      let name = unsafe Bytes(start: start, count: field.nameCount)
      guard unsafe !name.equals("content-length"), unsafe !name.equals("transfer-encoding"), unsafe !name.equals("host")
      else { throw .fieldLine }
    }
  }
}
