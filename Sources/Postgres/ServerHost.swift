/// One server of a connection string, which may list several.
struct ServerHost: Equatable {
  /// A name, a numeric address, or the folder of a Unix socket; nil: libpq's default.
  var host: String?
  /// Numeric (`hostaddr`): the host's name is not looked up.
  var address: String?
  /// Nil: libpq's default.
  var port: String?

  /// For messages.
  var name: String { "\(host ?? address ?? "the default host"):\(port ?? "5432")" }

  var needsLookup: Bool {
    guard address == nil, let host else { return false }
    return !host.hasPrefix("/") && !host.hasPrefix("@")
  }

  /// The servers that libpq would try, in its order. Source: the manual's "Specifying Multiple
  /// Hosts".
  ///
  /// - Returns: Nil if the lists' lengths do not match; libpq has the better error message.
  static func list(host: String?, address: String?, port: String?) -> [ServerHost]? {
    func items(_ text: String?) -> [String?] {
      guard let text, !text.isEmpty else { return [] }
      return text.split(separator: ",", omittingEmptySubsequences: false).map { $0.isEmpty ? nil : String($0) }
    }
    let (hosts, addresses, ports) = (items(host), items(address), items(port))
    let count = addresses.isEmpty ? max(1, hosts.count) : addresses.count
    guard hosts.isEmpty || hosts.count == count, ports.count <= 1 || ports.count == count else { return nil }
    return (0..<count).map { index in
      ServerHost(
        host: hosts.isEmpty ? nil : hosts[index], address: addresses.isEmpty ? nil : addresses[index],
        port: ports.isEmpty ? nil : ports[ports.count == 1 ? 0 : index])
    }
  }
}
