/// Text of a body in ASCII lines of limited length. Source: RFC 2045, section 6.7.
enum QuotedPrintable {
  /// The longest encoded line without its end, in bytes.
  static let lineBytesMax = 76
  private static let digits = Array("0123456789ABCDEF".utf8)

  /// - Parameter text: Its lines end with a line feed.
  static func encode(_ text: String) -> String {
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line(Array($0.utf8)) }
    if lines.last?.isEmpty ?? false { lines.removeLast() }
    return lines.map { $0 + "\r\n" }.joined()
  }

  private static func line(_ bytes: [UInt8]) -> String {
    var encoded: [UInt8] = []
    var lineBytes = 0
    for (index, byte) in bytes.enumerated() {
      let isLast = index == bytes.count - 1
      let isBlank = byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
      let isPlain = isBlank ? !isLast : 0x21 <= byte && byte < 0x7F && byte != UInt8(ascii: "=")
      let token = isPlain ? [byte] : [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      // The last place is a soft break's, unless the line ends here.
      if lineBytes + token.count > (isLast ? lineBytesMax : lineBytesMax - 1) {
        encoded += Array("=\r\n".utf8)
        lineBytes = 0
      }
      encoded += token
      lineBytes += token.count
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}
