/// An address that a mail can be sent to or from: `LOCAL@DOMAIN` without quotes, comments or white
/// space, so that its text can stand in a header and in an SMTP command as it is.
///
/// Source: RFC 5321, section 4.1.2 (dot-string) with RFC 6531 (UTF-8). Quoted local parts and
/// address literals are not accepted.
package struct MailAddress: Sendable, Equatable {
  /// The longest address, in bytes. Source: RFC 5321 with its errata.
  package static let bytesMax = 254
  /// The longest local part, in bytes. Source: RFC 5321, section 4.5.3.1.1.
  package static let localBytesMax = 64

  package let text: String
  package var domain: String { String(text[text.index(after: at)...]) }
  private let at: String.Index

  package init?(_ text: String) {
    guard text.utf8.count <= Self.bytesMax, let at = text.lastIndex(of: "@") else { return nil }
    let (local, domain) = (text[..<at], text[text.index(after: at)...])
    guard local.utf8.count <= Self.localBytesMax, Self.isDotted(local, Self.isAtomText),
      Self.isDotted(domain, Self.isDomainText), !domain.hasPrefix("-")
    else { return nil }
    self.text = text
    self.at = at
  }

  /// Whether a text consists of parts between single dots, and every part of admitted scalars.
  private static func isDotted(_ text: Substring, _ admits: (Unicode.Scalar) -> Bool) -> Bool {
    text.unicodeScalars.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && part.allSatisfy(admits)
    }
  }

  private static func isAtomText(_ scalar: Unicode.Scalar) -> Bool {
    isDomainText(scalar) || "!#$%&'*+/=?^_`{|}~".unicodeScalars.contains(scalar)
  }

  private static func isDomainText(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "-": true
    default: !scalar.isASCII && isText(scalar)
    }
  }

  /// Not a control, separator, format character or the like.
  private static func isText(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
      .spaceSeparator:
      false
    default: true
    }
  }
}
