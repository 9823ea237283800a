internal import COpenSSL

/// The TLS state of one connection: encrypted bytes on one side, plain bytes on the other. No I/O
/// of its own. Loop-confined.
@safe public final class TLSSession {
  /// Most plain bytes passed on at once: the size of a record.
  static let plainBytesMax = 16_384

  private let ssl: OpaquePointer
  // Owned by `ssl`.
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer

  /// The handshake is done: `write` may be used.
  public private(set) var isEstablished = false
  /// The negotiated protocol; nil: the peer offered none. Valid once `isEstablished`.
  public private(set) var protocolName: TLSProtocolName?
  /// The protocol that a client's peer has to select; nil for a server, whose peers may offer none.
  private let required: TLSProtocolName?
  /// The peer has sent close_notify: no more data follows.
  public private(set) var receivedEnd = false

  /// A peer that has sent close_notify may still receive: since TLS 1.3 (RFC 8446, section 6.1),
  /// before which it is answered with close_notify alone.
  public var peerStillReceives: Bool { unsafe SSL_version(ssl) >= TLS1_3_VERSION }

  init(owning ssl: OpaquePointer, requiring required: TLSProtocolName?) throws(TLSError) {
    self.required = required
    guard let incoming = unsafe BIO_new(BIO_s_mem()), let outgoing = unsafe BIO_new(BIO_s_mem()) else {
      unsafe SSL_free(ssl)
      throw TLSError(failed: "no memory for a TLS session")
    }
    unsafe self.ssl = ssl
    unsafe self.incoming = incoming
    unsafe self.outgoing = outgoing
    unsafe SSL_set_bio(ssl, incoming, outgoing)
  }

  deinit { unsafe SSL_free(ssl) }

  /// Starts the handshake; only clients call it.
  public func start() throws(TLSError) { try continueHandshake() }

  /// Takes bytes from the peer and passes on the plain bytes in them. Afterwards there may be bytes
  /// to send, even when it throws: an alert.
  ///
  /// - Parameter body: Called any number of times with plain bytes that are valid during the call;
  ///   false ends the reading.
  public func receive(_ bytes: RawSpan, _ body: (RawSpan) -> Bool) throws(TLSError) {
    let taken = unsafe bytes.withUnsafeBytes { unsafe BIO_write(incoming, $0.baseAddress, Int32(clamping: $0.count)) }
    guard taken == bytes.byteCount else { throw TLSError(failed: "no memory for received bytes") }
    if !isEstablished { try continueHandshake() }
    guard isEstablished else { return }
    try unsafe withUnsafeTemporaryAllocation(byteCount: Self.plainBytesMax, alignment: 16) { buffer throws(TLSError) in
      while true {
        ERR_clear_error()
        let count = unsafe SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
        if count > 0 {
          guard body(unsafe UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]).bytes) else { return }
          continue
        }
        switch unsafe SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
        case SSL_ERROR_ZERO_RETURN:
          receivedEnd = true
          return
        default: throw TLSError(failed: "the peer's bytes are no TLS")
        }
      }
    }
  }

  private func continueHandshake() throws(TLSError) {
    ERR_clear_error()
    let code = unsafe SSL_do_handshake(ssl)
    guard code == 1 else {
      switch unsafe SSL_get_error(ssl, code) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
      default: throw handshakeError()
      }
    }
    var protocolName: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &protocolName, &count)
    self.protocolName = unsafe TLSProtocolName(UnsafeRawBufferPointer(start: protocolName, count: Int(count)))
    // RFC 9113, section 3.2: HTTP/2 over TLS is negotiated by ALPN. HTTP/1.1 needs no ALPN.
    if let required, self.protocolName != required, required == .http2 || self.protocolName != nil {
      throw TLSError(
        "the peer does not offer \(required == .http2 ? "HTTP/2" : "HTTP/1.1") (ALPN \(required.rawValue))")
    }
    isEstablished = true
  }

  private func handshakeError() -> TLSError {
    let verdict = unsafe SSL_get_verify_result(ssl)
    guard verdict == Int(X509_V_OK) else {
      ERR_clear_error()
      return TLSError(
        "the peer's certificate is refused: \(unsafe String(cString: X509_verify_cert_error_string(verdict)))")
    }
    return TLSError(failed: "the TLS handshake failed")
  }

  /// Encrypts bytes for `takeOutgoing`. Only once `isEstablished`.
  public func write(_ bytes: RawSpan) throws(TLSError) {
    var offset = 0
    while offset < bytes.byteCount {
      ERR_clear_error()
      let written = unsafe bytes.withUnsafeBytes { bytes in
        unsafe SSL_write(ssl, bytes.baseAddress?.advanced(by: offset), Int32(clamping: bytes.count - offset))
      }
      guard written > 0 else { throw TLSError(failed: "the bytes could not be encrypted") }
      offset += Int(written)
    }
  }

  /// Sends close_notify: no more data follows.
  public func end() {
    guard isEstablished else { return }
    ERR_clear_error()
    unsafe SSL_shutdown(ssl)
    ERR_clear_error()
  }

  /// Capacity of the session's two buffers, in bytes.
  var bufferBytes: Int { unsafe copenssl_bio_capacity(incoming) + copenssl_bio_capacity(outgoing) }

  /// Frees the memory of buffers that are empty and large. For idle connections: a busy one needs
  /// the memory again at once.
  public func trimBuffers() {
    unsafe copenssl_bio_trim(incoming, Self.keptBufferBytes)
    unsafe copenssl_bio_trim(outgoing, Self.keptBufferBytes)
  }

  /// Largest capacity in bytes that an empty buffer keeps.
  static let keptBufferBytes = 4_096

  /// Whether there are encrypted bytes to send.
  public var hasOutgoing: Bool { unsafe BIO_ctrl_pending(outgoing) > 0 }

  /// Lends the encrypted bytes to send, and removes them.
  public func takeOutgoing<Result>(_ body: (RawSpan) -> Result) -> Result {
    var bytes: UnsafePointer<CChar>?
    let count = unsafe copenssl_bio_bytes(outgoing, &bytes)
    defer { unsafe copenssl_bio_reset(outgoing) }
    return body(unsafe UnsafeRawBufferPointer(start: bytes, count: count).bytes)
  }
}
