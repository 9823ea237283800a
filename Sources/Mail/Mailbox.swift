/// An address with the name that a mail program shows: `Name <address>`, or an address alone.
package struct Mailbox: Sendable, Equatable {
  /// Empty: none.
  package let name: String
  package let address: MailAddress

  package init(name: String = "", address: MailAddress) {
    self.name = name
    self.address = address
  }

  /// Reads an operator's text; nil if it is none of the two forms.
  package init?(_ text: String) {
    guard let open = text.lastIndex(of: "<"), text.hasSuffix(">") else {
      guard let address = MailAddress(text) else { return nil }
      self.init(address: address)
      return
    }
    var name = text[..<open]
    while name.last?.isWhitespace ?? false { name.removeLast() }
    while name.first?.isWhitespace ?? false { name.removeFirst() }
    if name.count >= 2, name.hasPrefix("\""), name.hasSuffix("\"") { name = name.dropFirst().dropLast() }
    guard let address = MailAddress(String(text[text.index(after: open)...].dropLast())) else { return nil }
    self.init(name: String(name), address: address)
  }

  /// The value of an address header.
  var headerValue: String {
    name.isEmpty ? address.text : "\(HeaderText.phrase(name)) <\(address.text)>"
  }
}
