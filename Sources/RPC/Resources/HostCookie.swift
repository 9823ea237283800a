internal import HTTP

/// A cookie that browsers send to this host only, over a secure connection, with requests of its
/// own pages, and that no script reads. Source: RFC 6265bis, sections 4.1.2 and 4.1.3.
public struct HostCookie: Sendable {
  /// The name, with the prefix by which browsers refuse a cookie that another host or an insecure
  /// connection has set.
  public let name: String
  /// How long browsers keep it.
  public let maxAgeSeconds: Int

  public init(_ name: String, maxAgeSeconds: Int) {
    self.name = "__Host-" + name
    self.maxAgeSeconds = maxAgeSeconds
  }

  /// The value of `Set-Cookie`.
  func setting(_ value: String, maxAgeSeconds: Int) -> String {
    "\(name)=\(value); Path=/; Max-Age=\(maxAgeSeconds); Secure; HttpOnly; SameSite=Strict"
  }

  /// The cookie's value in the values of `Cookie`; nil: it is in none.
  func value(in fields: [String]) -> String? {
    for pair in fields.joined(separator: ";").split(separator: ";") {
      let text = pair.trimmingSpace
      if text.hasPrefix(name + "=") { return String(text.dropFirst(name.utf8.count + 1)) }
    }
    return nil
  }
}

/// Cookies of a call. Only Connect's POST with the header `connect-protocol-version` reads and sets
/// them: a page of another origin cannot send that header without a preflight.
extension ServerContext {
  /// The call came by Connect's POST, with the header `connect-protocol-version`.
  public var takesCookies: Bool {
    format.rpcProtocol == .connectUnary && queryMessage == nil && metadata("connect-protocol-version") != nil
  }

  /// The value of a cookie; nil when absent, or when the call takes no cookies.
  public func cookie(_ cookie: HostCookie) -> String? {
    takesCookies ? cookie.value(in: metadataValues("cookie")) : nil
  }

  /// Has the caller's browser keep a cookie. Without effect when the call takes no cookies.
  public func setCookie(_ cookie: HostCookie, _ value: String) {
    guard takesCookies else { return }
    addInitialMetadata("set-cookie", cookie.setting(value, maxAgeSeconds: cookie.maxAgeSeconds))
  }

  /// Has the caller's browser remove a cookie. Without effect when the call takes no cookies.
  public func removeCookie(_ cookie: HostCookie) {
    guard takesCookies else { return }
    addInitialMetadata("set-cookie", cookie.setting("", maxAgeSeconds: 0))
  }
}
