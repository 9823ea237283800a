import EventLoop

/// Where a browser finds the page.
enum PageAddress {
  /// The URL; nil for a Unix socket, which no browser opens. Browsers treat `localhost` as a secure
  /// origin, so that the page can keep its data without TLS.
  static func text(of address: SocketAddress, isSecure: Bool) -> String? {
    guard !address.isUnix else { return nil }
    let isHere = address.isLoopback || ["0.0.0.0", "::"].contains(address.host)
    let host = isHere ? "localhost" : address.host.contains(":") ? "[\(address.host)]" : address.host
    return "\(isSecure ? "https" : "http")://\(host):\(address.port)/"
  }
}
