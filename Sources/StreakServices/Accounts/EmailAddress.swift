/// An email address as a person wrote it, and the form by which two are the same.
struct EmailAddress {
  /// The longest address, in bytes. Source: RFC 5321 with its errata.
  static let bytesMax = 254

  /// As written, without white space around it.
  let text: String
  /// In lower case: the key under which the address is stored.
  let key: String

  /// Accepts what can be an address: something, one last "@", a domain; no white space and no
  /// control characters. Whether mail arrives there is not decided by its form.
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
