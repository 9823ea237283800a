internal import COpenSSL

/// Why something about TLS failed. The text names files and rules, never keys.
public struct TLSError: Error, Sendable, CustomStringConvertible {
  public let description: String

  /// The server lets in only clients with a certificate, and none was shown.
  public static let certificateRequired = "the server asks for a client certificate, and none was shown"

  init(_ description: String) { self.description = description }

  /// With the reason that OpenSSL gives, if it gives one.
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
    // An alert is the peer's word about this side, and not a failure here.
    self.init("\(alert == 0 ? what : "the peer refused the connection"): \(unsafe String(cString: reason))")
  }
}
