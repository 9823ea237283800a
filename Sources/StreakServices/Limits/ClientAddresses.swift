internal import EventLoop
internal import RPC

/// A request whose client's address is asked for.
protocol AddressedRequest {
  /// The other end of its connection.
  var peerAddress: SocketAddress? { get }
  /// Every value of a header, in order.
  func metadataValues(_ name: String) -> [String]
}

extension ServerContext: AddressedRequest {}
extension ResourceRequest: AddressedRequest {}

/// Finds the network address that a call comes from: its connection's or, where that is a trusted
/// proxy's, the address that the proxy names.
///
/// Each proxy appends the address that called it to the header, so the rightmost address that is
/// not a trusted proxy's is the client's. The client may have made up the addresses to the left of
/// it.
struct ClientAddresses: Sendable {
  /// The header in which a proxy names the client's address. Source: MDN, "X-Forwarded-For".
  private static let header = "x-forwarded-for"
  /// The most entries that are examined, from the right.
  private static let hopsMax = 16

  let settings: RateLimitSettings

  /// The address for people to read; empty for a Unix socket.
  func text(of context: some AddressedRequest) -> String { client(of: context)?.host ?? "" }

  /// What limits treat as one address: an IPv4 address, or the first 64 bits of an IPv6 address,
  /// which belong to one household. Nil for a Unix socket, which only its owner reaches.
  func group(of context: some AddressedRequest) -> String? { client(of: context)?.limitGroup }

  private func client(of context: some AddressedRequest) -> SocketAddress? {
    let peer = context.peerAddress.flatMap { $0.isUnix ? nil : $0 }
    guard settings.trustsProxies, isTrusted(peer) else { return peer }
    return client(forwardedFor: context.metadataValues(Self.header)) ?? peer
  }

  private func isTrusted(_ address: SocketAddress?) -> Bool {
    guard let address else { return settings.trustsUnixSocket }
    let bytes = address.addressBytes
    return settings.trustedProxies.contains { $0.contains(bytes) }
  }

  /// The rightmost address that is not a trusted proxy's; if all are trusted ones, the leftmost.
  /// Nil if the list is empty, or if an entry that is not an address comes first: the client is
  /// unknown then.
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
