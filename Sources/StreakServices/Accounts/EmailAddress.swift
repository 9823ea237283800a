/// An email address as a person wrote it, and the form by which two addresses are equal.
struct EmailAddress {
  /// The longest address, in bytes. Source: RFC 5321 with its errata.
  static let bytesMax = 254

  /// The address as written, without white space around it.
  let text: String
  /// In lower case: the key under which the address is stored.
  let key: String

  /// Accepts a text of the form of an address: something, one last "@", a domain; no white space
  /// and no control characters. The form does not decide whether mail arrives there.
  init?(_ written: String) {
    let trimmed = written.drop { $0.isWhitespace }
    let end = trimmed.lastIndex { !$0.isWhitespace }.map { trimmed.index(after: $0) } ?? trimmed.startIndex
    let address = trimmed[..<end]
    guard address.utf8.count <= Self.bytesMax, let at = address.lastIndex(of: "@"), at != address.startIndex,
      address.index(after: at) != address.endIndex,
      !address.unicodeScalars.contains(where: {
        $0.properties.isWhitespace || $0.properties.generalCategory == .control
      })
    else { return nil }
    text = String(address)
    key = address.lowercased()
  }
}
