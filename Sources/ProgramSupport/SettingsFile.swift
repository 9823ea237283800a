internal import ArgumentParser

/// A settings file: one `NAME = VALUE` per line, with the names of the options.
///
/// Empty lines and those that begin with `#` are skipped. A value is the text between the sign and
/// the line's end, without white space around it; a `#` after white space begins a comment. A value
/// in single or double quotes is taken literally; only a comment may follow it.
package struct SettingsFile: Sendable {
  private var values: [String: (text: String, line: Int)] = [:]
  private let path: String

  /// The words for yes and no, in upper or lower case.
  private static let yes: Set = ["true", "yes", "on", "1"]
  private static let no: Set = ["false", "no", "off", "0"]

  /// Most bytes of a file.
  package static let bytesMax = 65_536

  /// - Throws: With the file's path, the line and the fault.
  package init(_ text: String, path: String, names: Set<String>) throws {
    self.path = path
    // Also lines that end with CR LF, and a byte order mark before the first one.
    let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = Self.trim(line)
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      func refuse(_ reason: String) -> ValidationError { ValidationError("\(path), line \(index + 1): \(reason)") }
      guard let sign = line.firstIndex(of: "=") else { throw refuse("expected NAME = VALUE.") }
      let name = String(Self.trim(line[..<sign]))
      guard names.contains(name) else {
        throw refuse("\(name) is not a name of a setting; --help lists them, without the --.")
      }
      guard let value = Self.value(Self.trim(line[line.index(after: sign)...])) else {
        throw refuse("the value of \(name) must end with its closing quote; only a comment may follow.")
      }
      guard !value.isEmpty else { throw refuse("\(name) has no value.") }
      guard values.updateValue((value, index + 1), forKey: name) == nil else { throw refuse("\(name) is set twice.") }
    }
  }

  /// The value of a setting; nil if it is not in the file.
  package subscript(name: String) -> String? { values[name]?.text }

  /// - Throws: With the line, if the value means neither yes nor no.
  package func flag(_ name: String) throws -> Bool? {
    try values[name].map { try Self.flag($0.text, of: "\(path), line \($0.line): \(name)") }
  }

  /// The Boolean value of a text.
  /// - Parameter name: The setting's name, for the error message.
  package static func flag(_ text: String, of name: String) throws -> Bool {
    let word = text.lowercased()
    if yes.contains(word) { return true }
    if no.contains(word) { return false }
    throw ValidationError("\(name) must be true or false (or yes, on, 1; no, off, 0), not \(text).")
  }

  /// Nil if a quote is not closed, or if text follows it.
  private static func value(_ text: Substring) -> String? {
    guard let quote = text.first, quote == "\"" || quote == "'" else {
      var end = text.startIndex
      var isAfterSpace = true
      while end < text.endIndex, !(isAfterSpace && text[end] == "#") {
        isAfterSpace = text[end].isWhitespace
        end = text.index(after: end)
      }
      return String(trim(text[..<end]))
    }
    let inner = text.dropFirst()
    guard let end = inner.firstIndex(of: quote) else { return nil }
    let rest = trim(inner[inner.index(after: end)...])
    return rest.isEmpty || rest.hasPrefix("#") ? String(inner[..<end]) : nil
  }

  package static func trim(_ text: Substring) -> Substring {
    var text = text.drop { $0.isWhitespace }
    while text.last?.isWhitespace ?? false { text.removeLast() }
    return text
  }
}
