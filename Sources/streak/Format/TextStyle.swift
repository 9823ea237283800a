/// The properties of an output: its characters, its colours, and its width.
struct TextStyle: Equatable, Sendable {
  /// Whether other characters than ASCII can be written.
  var isUTF8 = false
  /// The output is a terminal: colours and symbols are used.
  var isColored = false
  /// The width of a line.
  var columns = Int.max

  /// Whether the locale's encoding is UTF-8. Source: POSIX, "Internationalization Variables": the
  /// first of these variables that is set and not empty decides.
  static func isUTF8(_ environment: (String) -> String?) -> Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap(environment).first { !$0.isEmpty }
    let name = (locale ?? "C").lowercased()
    return name.contains("utf-8") || name.contains("utf8")
  }

  /// The signs of days: done, done without counting, today, not done.
  var signs: (done: String, uncounted: String, today: String, open: String) {
    isUTF8 && isColored ? ("■", "□", "○", "·") : ("#", "?", "o", ".")
  }

  func colored(_ text: String, _ color: UInt32) -> String {
    guard isColored, color != 0 else { return text }
    return "\u{1B}[38;2;\(color >> 16 & 255);\(color >> 8 & 255);\(color & 255)m\(text)\u{1B}[0m"
  }

  func dim(_ text: String) -> String { isColored ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
  func bold(_ text: String) -> String { isColored ? "\u{1B}[1m\(text)\u{1B}[0m" : text }

  /// Text that the output can show: if that is ASCII only, other characters become their numbers,
  /// such as `\u{e9}`.
  func encoded(_ text: String) -> String {
    guard !isUTF8, !text.utf8.allSatisfy({ $0 < 128 }) else { return text }
    return text.unicodeScalars.map { $0.isASCII ? String($0) : "\\u{\(String($0.value, radix: 16))}" }.joined()
  }
}

extension String {
  /// A person's text on one line, without control characters of terminals.
  var plain: String {
    let line = split(whereSeparator: \.isNewline).joined(separator: " / ")
    return String(
      String.UnicodeScalarView(line.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }
}
