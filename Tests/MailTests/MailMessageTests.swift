@testable import Mail
import Testing

struct MailMessageTests {
  static func message(
    subject: String = "Hello", text: String = "Hello.\n", html: String = "<p>Hello.</p>\n", name: String = "Streaks",
    language: String = "en", identifier: String = "0-1"
  ) throws -> MailMessage {
    MailMessage(
      sender: Mailbox(name: name, address: try #require(MailAddress("no-reply@example.com"))),
      recipient: try #require(MailAddress("mira@example.org")), subject: subject, text: text, html: html,
      language: language, identifier: identifier, sentAt: 1_795_000_000)
  }

  /// The header's lines, without the folds.
  private static func header(_ message: MailMessage) -> [String] {
    let text = String(decoding: message.bytes, as: UTF8.self)
    let head = text.pieces(between: "\r\n\r\n").first ?? ""
    return String(head).split(separator: "\r\n").reduce(into: [String]()) { lines, line in
      if line.hasPrefix(" "), !lines.isEmpty { lines[lines.count - 1] += line } else { lines.append(String(line)) }
    }
  }

  private static let names = [
    "Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type", "Content-Language",
  ]

  @Test(
    "no text adds a header field, a line or a part",
    arguments: [
      "x\r\nBcc: thief@example.com", "x\nBcc: thief@example.com\n\nbody", "x\r\n\r\n--=_0-1\r\n",
      "\u{0}\u{7f}\u{85}\u{2028}",
      "=?UTF-8?Q?=0D=0ABcc:_x?=", "\"<>,;:\\", " ", "",
    ])
  func noInjection(text: String) throws {
    let message = try Self.message(subject: text, name: text, language: text, identifier: text)
    let lines = Self.header(message)
    #expect(lines.allSatisfy { line in Self.names.contains { line.hasPrefix("\($0): ") } }, "\(lines)")
    #expect(Set(lines.map { $0.prefix { $0 != ":" } }).count == lines.count)
    #expect(!lines.contains { line in line.unicodeScalars.contains { $0 == "\r" || $0 == "\n" } })
  }

  @Test("every byte is ASCII, every line is at most 78 bytes long and ends with CR LF")
  func lines() throws {
    let long = String(repeating: "Größe = 7 ☃ 🙂 ", count: 40)
    let identifier = "01234567-89ab-cdef-0123-456789abcdef"
    let message = try Self.message(
      subject: long, text: long + "\n\n" + long + " \n.\n", html: long, name: long, identifier: identifier)
    #expect(message.bytes.allSatisfy { $0 < 0x80 })
    let lines = String(decoding: message.bytes, as: UTF8.self).unicodeScalars.pieces(between: "\r\n".unicodeScalars)
    for line in lines { #expect(line.count <= 78 && !line.contains("\r") && !line.contains("\n")) }
  }

  @Test("quoted-printable keeps lines within 76 bytes and marks what a transport may change")
  func quotedPrintable() {
    #expect(QuotedPrintable.encode("a=b\n") == "a=3Db\r\n")
    #expect(QuotedPrintable.encode("a \n\tb") == "a=20\r\n\tb\r\n")
    #expect(QuotedPrintable.encode("ü") == "=C3=BC\r\n")
    let at = String(repeating: "x", count: 76)
    #expect(QuotedPrintable.encode(at) == at + "\r\n")
    #expect(QuotedPrintable.encode(at + "x") == at.dropLast() + "=\r\nxx\r\n")
  }

  @Test("a date is in UTC with English names")
  func date() { #expect(MailDate.text(1_795_000_000) == "Wed, 18 Nov 2026 11:06:40 +0000") }

  @Test("a long subject becomes encoded words of at most 75 bytes")
  func words() {
    let words = HeaderText.unstructured(String(repeating: "ü", count: 100), after: 9).split(separator: "\r\n ")
    #expect(words.count > 2)
    for word in words { #expect(word.utf8.count <= 75 && word.hasPrefix("=?UTF-8?B?") && word.hasSuffix("?=")) }
  }
}

extension Collection where Element: Equatable {
  fileprivate func pieces(between separator: some Collection<Element>) -> [SubSequence] {
    var parts: [SubSequence] = []
    var rest = self[...]
    while let found = rest.range(of: separator) {
      parts.append(rest[..<found.lowerBound])
      rest = rest[found.upperBound...]
    }
    return parts + [rest]
  }

  fileprivate func range(of other: some Collection<Element>) -> (lowerBound: Index, upperBound: Index)? {
    var start = startIndex
    while start != endIndex {
      if self[start...].starts(with: other) { return (start, index(start, offsetBy: other.count)) }
      start = index(after: start)
    }
    return nil
  }
}
