internal import COpenSSL

/// Why something about TLS failed. The text names files and rules, never keys.
public struct TLSError: Error, Sendable, CustomStringConvertible {
  public let description: String

  init(_ description: String) { self.description = description }

  /// With the reason that OpenSSL gives, if it gives one.
  init(failed what: String) {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
      self.init(what)
      return
    }
    self.init("\(what): \(unsafe String(cString: reason))")
  }
}
