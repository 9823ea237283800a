internal import COpenSSL

/// Why a TLS operation failed. The text names files and rules, never keys.
public struct TLSError: Error, Sendable, CustomStringConvertible {
  public let description: String

  /// The server requires a client certificate, and the client has sent none.
  public static let certificateRequired = "the server asks for a client certificate, and none was shown"

  init(_ description: String) { self.description = description }

  /// With OpenSSL's reason, if there is one.
  init(failed what: String) {
    let code = ERR_get_error()
    ERR_clear_error()
    let alert = copenssl_tls_alert(code)
    guard alert != TLS13_AD_CERTIFICATE_REQUIRED else {
      self.init(Self.certificateRequired)
      return
    }
    guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
      self.init(what)
      return
    }
    // An alert is the peer's message about this side, not a failure of this side.
    self.init("\(alert == 0 ? what : "the peer refused the connection"): \(unsafe String(cString: reason))")
  }
}
