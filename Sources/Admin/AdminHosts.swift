/// The names under which the admin pages may be asked for.
///
/// A web page can make its reader's browser call this address under a name that the page's owner
/// resolves to it; such a request names that host. Addresses cannot be had that way, so a request
/// may name any address, `localhost`, or a name that the operator gave.
package struct AdminHosts: Sendable {
  private let names: Set<String>

  /// - Parameter names: Further names, without ports.
  package init(_ names: [String] = []) { self.names = Set(names.map { $0.lowercased() } + ["localhost"]) }

  /// Whether a Host header's value may be answered: NAME, NAME:PORT, ADDRESS, [ADDRESS]:PORT.
  func allows(_ host: some StringProtocol) -> Bool {
    let host = host.lowercased()
    if host.hasPrefix("[") {
      guard let end = host.firstIndex(of: "]") else { return false }
      let address = host[host.index(after: host.startIndex)..<end]
      return address.contains(":") && address.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
        && Self.isPort(host[host.index(after: end)...])
    }
    let end = host.firstIndex(of: ":") ?? host.endIndex
    guard Self.isPort(host[end...]) else { return false }
    var name = host[..<end]
    if name.hasSuffix(".") { name.removeLast() }
    return names.contains(String(name)) || Self.isIPv4(name)
  }

  /// Nothing, or a colon and digits.
  private static func isPort(_ text: Substring) -> Bool {
    text.isEmpty || (text.first == ":" && text.dropFirst().allSatisfy { $0.isASCII && $0.isNumber })
  }

  private static func isIPv4(_ text: Substring) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { $0.count <= 3 && UInt8($0) != nil }
  }
}
