internal import CCurl
package import Cryptography

/// Hands messages to a mail server over SMTP, by libcurl.
package struct SMTPTransport: MailTransport {
  /// A user's name and password at the mail server.
  package struct Login: Sendable {
    package let user: String
    package let password: Secret

    package init(user: String, password: Secret) {
      self.user = user
      self.password = password
    }
  }

  private let server: SMTPServer
  private let login: Login?
  private let authorities: [UInt8]?
  private let limits: MailLimits

  /// - Parameter authorities: Those whose certificates are accepted, as PEM; nil: the system's.
  package init(server: SMTPServer, login: Login?, authorities: [UInt8]?, limits: MailLimits = MailLimits()) {
    self.server = server
    self.login = login
    self.authorities = authorities
    self.limits = limits
  }

  /// libcurl asks for one call before all others, by one thread.
  private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  package func deliver(_ message: MailMessage) -> MailOutcome {
    guard Self.isReady, let handle = unsafe curl_easy_init() else { return .failed("libcurl cannot start") }
    defer { unsafe curl_easy_cleanup(handle) }
    var recipients: UnsafeMutablePointer<curl_slist>?
    unsafe recipients = curl_slist_append(nil, "<\(message.recipient.text)>")
    defer { unsafe curl_slist_free_all(recipients) }

    let text: [(CURLoption, String?)] = [
      (CURLOPT_URL, server.url), (CURLOPT_PROTOCOLS_STR, "smtp,smtps"),
      // Neither a proxy nor a .netrc of the environment.
      (CURLOPT_PROXY, ""),
      (CURLOPT_MAIL_FROM, "<\(message.sender.address.text)>"),
      (CURLOPT_USERNAME, login?.user),
      (CURLOPT_PASSWORD, login.map { String(decoding: $0.password.exposed, as: UTF8.self) }),
    ]
    let encryption =
      switch server.encryption {
      case .immediate, .required: CURLUSESSL_ALL
      case .offered: CURLUSESSL_TRY
      }
    let numbers: [(CURLoption, Int)] = [
      (CURLOPT_NOSIGNAL, 1), (CURLOPT_UPLOAD, 1), (CURLOPT_VERBOSE, 1),
      (CURLOPT_CONNECTTIMEOUT, limits.connectSeconds), (CURLOPT_TIMEOUT, limits.deliverySeconds),
      (CURLOPT_USE_SSL, Int(encryption.rawValue)), (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
      (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
    ]
    for (option, value) in text {
      guard let value else { continue }
      guard unsafe ccurl_set_string(handle, option, value) == CURLE_OK else {
        return .failed("libcurl refuses a setting")
      }
    }
    for (option, value) in numbers {
      guard unsafe ccurl_set_number(handle, option, value) == CURLE_OK else {
        return .failed("libcurl refuses a setting")
      }
    }
    if var authorities {
      let result = unsafe authorities.withUnsafeMutableBytes {
        unsafe ccurl_set_bytes(handle, CURLOPT_CAINFO_BLOB, $0.baseAddress, $0.count)
      }
      guard result == CURLE_OK else { return .failed("libcurl refuses the authorities") }
    }
    let transfer = SMTPTransfer(message.bytes)
    // Lives until the transfer has ended, below.
    let data = unsafe Unmanaged.passUnretained(transfer).toOpaque()
    guard unsafe ccurl_set_list(handle, CURLOPT_MAIL_RCPT, recipients) == CURLE_OK,
      unsafe ccurl_set_reader(handle, Self.read, data) == CURLE_OK,
      unsafe ccurl_set_observer(handle, Self.observe, data) == CURLE_OK
    else { return .failed("libcurl refuses a setting") }
    let result = withExtendedLifetime(transfer) { unsafe curl_easy_perform(handle) }
    guard result != CURLE_OK else { return .accepted }
    let reason = unsafe String(cString: curl_easy_strerror(result))
    return transfer.outcome(reason, replyCode: unsafe ccurl_response_code(handle))
  }

  private static let read: curl_read_callback = { buffer, size, count, data in
    guard let data = unsafe data, let buffer = unsafe buffer else { return 0 }
    let transfer = unsafe Unmanaged<SMTPTransfer>.fromOpaque(data).takeUnretainedValue()
    return unsafe transfer.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size * count))
  }

  private static let observe: curl_debug_callback = { _, kind, text, count, data in
    guard kind == CURLINFO_HEADER_OUT, let data = unsafe data, let text = unsafe text else { return 0 }
    let transfer = unsafe Unmanaged<SMTPTransfer>.fromOpaque(data).takeUnretainedValue()
    unsafe transfer.noteCommand(UnsafeRawBufferPointer(start: text, count: min(count, 4)))
    return 0
  }
}
