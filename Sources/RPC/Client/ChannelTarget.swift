public import EventLoop

/// Where a channel's server is: one or more addresses or names, tried in this order.
public struct ChannelTarget: Sendable, Hashable, CustomStringConvertible {
  /// One place to try: a name may turn out to be several addresses.
  struct Endpoint: Sendable, Hashable {
    /// Without brackets; of a Unix socket its path.
    let host: String
    let port: UInt16
    /// Nil: a name, to be looked up before every attempt.
    let address: SocketAddress?
    /// The calls' `:authority`.
    let authority: String
  }

  let endpoints: [Endpoint]

  /// An address that is known already.
  public init(_ address: SocketAddress) { endpoints = [Endpoint(address)] }

  /// Takes `HOST:PORT`, where HOST may be a name or a numeric address (IPv6 in brackets), or
  /// `unix:PATH`; or several, separated by commas.
  /// - Returns: nil when there is none, or one of them is neither.
  public init?(parsing text: String) {
    var endpoints: [Endpoint] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let endpoint = Endpoint(parsing: String(part)) else { return nil }
      endpoints.append(endpoint)
    }
    self.endpoints = endpoints
  }

  /// All of its places are reached over loopback or a Unix socket: what is sent there stays on this
  /// machine.
  public var isOnThisMachine: Bool {
    endpoints.allSatisfy { endpoint in
      // Source: RFC 6761, section 6.3: names under localhost are loopback.
      endpoint.address?.isLoopback ?? ("." + endpoint.host.lowercased()).hasSuffix(".localhost")
    }
  }

  public var description: String {
    endpoints.map { $0.address.map(\.description) ?? $0.authority }.joined(separator: ",")
  }
}

extension ChannelTarget.Endpoint {
  init(_ address: SocketAddress) {
    self.init(
      host: address.host, port: address.port, address: address,
      authority: address.isUnix ? "localhost" : "\(address)")
  }

  init?(parsing text: String) {
    if let address = SocketAddress(parsing: text) {
      self.init(address)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
      return nil
    }
    let host = text[..<colon]
    // Source: RFC 1123, section 2.1; the underscore is common in container networks.
    let isName = host.utf8.allSatisfy { byte in
      switch UnicodeScalar(byte) {
      case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_": true
      default: false
      }
    }
    guard isName, (1...253).contains(host.utf8.count) else { return nil }
    self.init(host: String(host), port: port, address: nil, authority: text)
  }
}
