internal import Cryptography

/// Text in a header field. Every result is printable ASCII with folds, whatever the text holds, so
/// that no text can begin another field.
enum HeaderText {
  /// The longest encoded word, in bytes. Source: RFC 2047, section 2.
  static let wordBytesMax = 75
  private static let (opening, closing) = ("=?UTF-8?B?", "?=")

  /// Unstructured text, such as a subject's.
  ///
  /// - Parameter nameBytes: The bytes of the field's name on its first line.
  static func unstructured(_ text: String, after nameBytes: Int) -> String {
    let isPlain = isPrintable(text) && !text.contains("=?") && nameBytes + text.utf8.count <= wordBytesMax
    return isPlain && !text.hasPrefix(" ") && !text.hasSuffix(" ") ? text : encodedWords(text, after: nameBytes)
  }

  /// A display name.
  static func phrase(_ text: String) -> String {
    guard isPrintable(text), text.utf8.count <= wordBytesMax, !text.contains("=?") else {
      return encodedWords(text, after: 6)
    }
    return "\"\(text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined())\""
  }

  private static func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { 0x20 <= $0 && $0 < 0x7F } }

  /// Source: RFC 2047. No character is split between two words.
  private static func encodedWords(_ text: String, after nameBytes: Int) -> String {
    var words: [String] = []
    var bytes: [UInt8] = []
    var room = contentBytes(in: wordBytesMax - nameBytes)
    for scalar in text.unicodeScalars {
      // A control character has no meaning in a header.
      let isControl = scalar.properties.generalCategory == .control
      let next = Array(String(isControl ? " " : scalar).utf8)
      if bytes.count + next.count > room {
        words.append(opening + PaddedBase64.encode(bytes) + closing)
        (bytes, room) = ([], contentBytes(in: wordBytesMax - 1))
      }
      bytes += next
    }
    words.append(opening + PaddedBase64.encode(bytes) + closing)
    return words.joined(separator: "\r\n ")
  }

  /// How many bytes an encoded word of some length can hold.
  private static func contentBytes(in wordBytes: Int) -> Int {
    (wordBytes - opening.utf8.count - closing.utf8.count) / 4 * 3
  }
}
