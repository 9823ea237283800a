/// The mail server that takes messages, and how the connection to it is encrypted.
package struct SMTPServer: Sendable, Equatable {
  package enum Encryption: Sendable, Equatable {
    /// From the first byte (`smtps://`).
    case immediate
    /// By STARTTLS; a server that does not offer it gets nothing.
    case required
    /// By STARTTLS where the server offers it: an address of this machine.
    case offered
  }

  package let host: String
  package let port: UInt16
  package let encryption: Encryption

  /// Reads `smtps://HOST[:465]` or `smtp://HOST[:587]`; nil if it is none of the two.
  package init?(_ text: String) {
    let isImmediate = text.hasPrefix("smtps://")
    guard isImmediate || text.hasPrefix("smtp://") else { return nil }
    var rest = text.drop { $0 != "/" }.dropFirst(2)
    if rest.hasSuffix("/") { rest.removeLast() }
    var port: UInt16 = isImmediate ? 465 : 587
    let end = rest.lastIndex(of: "]") ?? rest.startIndex
    if let colon = rest[end...].lastIndex(of: ":") {
      guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else { return nil }
      port = number
      rest = rest[..<colon]
    }
    let isLiteral = rest.hasPrefix("[") && rest.hasSuffix("]")
    let name = isLiteral ? rest.dropFirst().dropLast() : rest
    guard !name.isEmpty,
      name.utf8.allSatisfy({ byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
          true
        default: isLiteral && byte == UInt8(ascii: ":")
        }
      })
    else { return nil }
    host = String(rest)
    self.port = port
    let isLoopback = rest.hasPrefix("127.") || rest == "[::1]"
    encryption = isImmediate ? .immediate : isLoopback ? .offered : .required
  }

  var url: String { "\(encryption == .immediate ? "smtps" : "smtp")://\(host):\(port)" }
}
