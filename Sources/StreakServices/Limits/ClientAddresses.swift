internal import EventLoop
internal import RPC

/// Tells which network address a call comes from: its connection's or, where that is a trusted
/// proxy's, the one the proxy names.
///
/// Each proxy appends the address it was called from to the header, so the rightmost address that
/// is not a trusted proxy's is the client's; what stands to its left, the client may have made up.
struct ClientAddresses: Sendable {
  /// The header in which proxies say whom they speak for. Source: MDN, "X-Forwarded-For".
  private static let header = "x-forwarded-for"
  /// Entries that are looked at, from the right.
  private static let hopsMax = 16

  let settings: RateLimitSettings

  /// The address for people's eyes; empty for a Unix socket.
  func text(of context: ServerContext) -> String { client(of: context)?.host ?? "" }

  /// What limits count as one address: an IPv4 address, or the first 64 bits of an IPv6 address,
  /// which are one household's. Nil for a Unix socket, which only its owner reaches.
  func group(of context: ServerContext) -> String? { client(of: context)?.limitGroup }

  private func client(of context: ServerContext) -> SocketAddress? {
    let peer = context.peerAddress.flatMap { $0.isUnix ? nil : $0 }
    guard settings.trustsProxies, isTrusted(peer) else { return peer }
    return client(forwardedFor: context.metadataValues(Self.header)) ?? peer
  }

  private func isTrusted(_ address: SocketAddress?) -> Bool {
    guard let address else { return settings.trustsUnixSocket }
    let bytes = address.addressBytes
    return settings.trustedProxies.contains { $0.contains(bytes) }
  }

  /// The rightmost address that is not a trusted proxy's; of nothing but trusted ones the leftmost.
  /// Nil if there is none, or if something that is no address comes first: then nobody knows.
  func client(forwardedFor values: [String]) -> SocketAddress? {
    let hops = values.joined(separator: ",").split(separator: ",").suffix(Self.hopsMax)
    var last: SocketAddress?
    for hop in hops.reversed() {
      guard let address = Self.address(hop) else { return last }
      last = address
      if !isTrusted(address) { return address }
    }
    return last
  }

  /// Reads `ADDRESS`, `ADDRESS:PORT` of IPv4, or `[ADDRESS]:PORT`.
  private static func address(_ written: Substring) -> SocketAddress? {
    let text = String(written.filter { !$0.isWhitespace })
    return SocketAddress(host: text, port: 0) ?? SocketAddress(parsing: text.hasSuffix("]") ? text + ":0" : text)
  }
}
