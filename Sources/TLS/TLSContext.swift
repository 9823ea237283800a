internal import COpenSSL
internal import Synchronization

/// The files of a server's certificate.
public struct TLSServerFiles: Sendable, Equatable {
  /// PEM: the server's certificate, then its intermediate certificates.
  public var certificateChain: String
  /// PEM, without a passphrase.
  public var privateKey: String
  /// PEM: the authorities that must have signed the clients' certificates; nil: clients need none.
  public var clientAuthorities: String?

  public init(certificateChain: String, privateKey: String, clientAuthorities: String? = nil) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
    self.clientAuthorities = clientAuthorities
  }
}

/// The certificate that a client sends to servers that ask for one.
public struct TLSClientFiles: Sendable, Equatable {
  /// PEM: the client's certificate, then its intermediate certificates.
  public var certificateChain: String
  /// PEM, without a passphrase.
  public var privateKey: String

  public init(certificateChain: String, privateKey: String) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
  }
}

/// The configuration that TLS connections share: certificates, versions, ciphers. TLS 1.2 and 1.3.
/// A client offers HTTP/2 only; a server accepts HTTP/1.1 as well.
///
/// Any thread may use it. `reload()` changes the certificate of later connections; existing
/// connections keep theirs.
@safe public final class TLSContext: Sendable {
  /// OpenSSL counts references to the context; every session holds one.
  @safe private struct Handle: ~Copyable, @unchecked Sendable {
    // `@unchecked Sendable`: an SSL_CTX is not changed after it is made, and OpenSSL counts
    // references atomically.
    let pointer: OpaquePointer
    init(_ pointer: OpaquePointer) { unsafe self.pointer = pointer }
    deinit { unsafe SSL_CTX_free(pointer) }

    /// See `TLSContext.certificateEndSeconds`.
    var certificateEndSeconds: Int64? {
      guard let certificate = unsafe SSL_CTX_get0_certificate(pointer) else { return nil }
      var parts = unsafe tm()
      guard unsafe ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1 else { return nil }
      return Int64(unsafe timegm(&parts))
    }
  }

  private let files: TLSServerFiles?
  private let handle: Mutex<Handle>

  /// The ciphers of TLS 1.2 that RFC 9113 section 9.2.2 allows: ephemeral keys and authenticated
  /// encryption. All ciphers of TLS 1.3 are of this kind.
  static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

  /// Makes the context of a server.
  /// - Throws: When a file cannot be read, or key and certificate do not belong together.
  public init(server files: TLSServerFiles) throws(TLSError) {
    self.files = files
    handle = Mutex(unsafe Handle(try Self.make(server: files)))
  }

  /// Makes the context of a client.
  /// - Parameters:
  ///   - authorities: PEM of the roots to trust; nil: the system's.
  ///   - certificate: Sent to servers that ask for one; nil: none.
  /// - Throws: When a file cannot be read, or key and certificate do not belong together.
  public init(clientTrusting authorities: String? = nil, certificate: TLSClientFiles? = nil) throws(TLSError) {
    files = nil
    handle = Mutex(unsafe Handle(try Self.make(clientTrusting: authorities, certificate)))
  }

  /// Reads the server's files again, for connections from now on. When it throws nothing has
  /// changed.
  /// - Parameters:
  ///   - copies: Read instead of the files; nil: the files are read.
  ///   - now: Seconds since 1970. A certificate that has expired by then is refused.
  public func reload(from copies: TLSServerFiles? = nil, at now: Int64) throws(TLSError) {
    guard let files = copies ?? files else { return }
    let made = unsafe Handle(try Self.make(server: files))
    if let end = made.certificateEndSeconds, end <= now {
      throw TLSError(failed: "the certificate in \(files.certificateChain) has expired")
    }
    var fresh = Optional(made)
    handle.withLock { handle in
      if let next = fresh.take() { handle = next }
    }
  }

  /// When the server's certificate expires, in seconds since 1970; nil: there is no certificate.
  public var certificateEndSeconds: Int64? {
    handle.withLock { $0.certificateEndSeconds }
  }

  /// A session for an accepted connection.
  public func acceptSession() throws(TLSError) -> TLSSession {
    let ssl = unsafe try makeSSL()
    unsafe SSL_set_accept_state(ssl)
    return unsafe try TLSSession(owning: ssl, requiring: nil)
  }

  /// A session for an outgoing connection.
  /// - Parameters:
  ///   - host: The name or numeric address that the server's certificate must be for.
  ///   - protocolName: The protocol that the server has to select.
  public func connectSession(
    host: String, requiring protocolName: TLSProtocolName = .http2
  ) throws(TLSError) -> TLSSession {
    let ssl = unsafe try makeSSL()
    unsafe SSL_set_connect_state(ssl)
    let session = unsafe try TLSSession(owning: ssl, requiring: protocolName)
    let offered = [UInt8(protocolName.rawValue.utf8.count)] + protocolName.rawValue.utf8
    unsafe SSL_set_alpn_protos(ssl, offered, UInt32(offered.count))
    let parameters = unsafe SSL_get0_param(ssl)
    if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) != 1 {
      ERR_clear_error()
      guard unsafe SSL_set1_host(ssl, host) == 1, unsafe copenssl_tls_server_name(ssl, host) == 1 else {
        throw TLSError(failed: "\(host) is no host name")
      }
    }
    return session
  }

  private func makeSSL() throws(TLSError) -> OpaquePointer {
    let ssl = handle.withLock { handle in unsafe UInt(bitPattern: SSL_new(handle.pointer)) }
    guard let ssl = unsafe OpaquePointer(bitPattern: ssl) else { throw TLSError(failed: "no memory for a TLS session") }
    return unsafe ssl
  }

  private static func make(server files: TLSServerFiles) throws(TLSError) -> OpaquePointer {
    let context = unsafe try make(TLS_server_method())
    do throws(TLSError) {
      unsafe try use(files.certificateChain, key: files.privateKey, in: context)
      if let authorities = files.clientAuthorities {
        guard unsafe SSL_CTX_load_verify_file(context, authorities) == 1,
          let names = unsafe SSL_load_client_CA_file(authorities)
        else { throw TLSError(failed: "\(authorities) holds no certificate that can be used") }
        unsafe SSL_CTX_set_client_CA_list(context, names)
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
      }
    } catch {
      unsafe SSL_CTX_free(context)
      throw error
    }
    unsafe SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
    // The session ID context: only this server's sessions can be resumed.
    let name = Array("server".utf8)
    unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count))
    return unsafe context
  }

  private static func make(
    clientTrusting authorities: String?, _ certificate: TLSClientFiles?
  ) throws(TLSError) -> OpaquePointer {
    let context = unsafe try make(TLS_client_method())
    do throws(TLSError) {
      if let authorities {
        guard unsafe SSL_CTX_load_verify_file(context, authorities) == 1 else {
          throw TLSError(failed: "\(authorities) holds no certificate that can be used")
        }
      } else {
        unsafe SSL_CTX_set_default_verify_paths(context)
      }
      if let certificate { unsafe try use(certificate.certificateChain, key: certificate.privateKey, in: context) }
    } catch {
      unsafe SSL_CTX_free(context)
      throw error
    }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    return unsafe context
  }

  /// Loads the certificate and the key of this side.
  private static func use(_ chain: String, key: String, in context: OpaquePointer) throws(TLSError) {
    guard unsafe SSL_CTX_use_certificate_chain_file(context, chain) == 1 else {
      throw TLSError(failed: "\(chain) holds no certificate that can be used")
    }
    guard unsafe SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
      throw TLSError(failed: "\(key) holds no key that can be used")
    }
    guard unsafe SSL_CTX_check_private_key(context) == 1 else {
      throw TLSError(failed: "\(key) is not the key of \(chain)")
    }
  }

  /// Makes a context with the settings that clients and servers share.
  private static func make(_ method: OpaquePointer?) throws(TLSError) -> OpaquePointer {
    guard let context = unsafe SSL_CTX_new(method) else { throw TLSError(failed: "no memory for TLS") }
    unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil)
    // RFC 9113 section 9.2.1 forbids compression and renegotiation.
    unsafe SSL_CTX_set_options(
      context, copenssl_no_compression | copenssl_no_renegotiation | copenssl_server_preference)
    // An idle connection frees its record buffers.
    let modes = SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    unsafe SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(modes), nil)
    unsafe SSL_CTX_set_cipher_list(context, ciphers)
    // For a key with a passphrase, OpenSSL would otherwise prompt on the terminal.
    unsafe SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
    return unsafe context
  }

  /// Selects the first of `TLSProtocolName` that is offered, or fails the handshake. Source: RFC
  /// 7301, section 3.2.
  private static let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, chosen, chosenCount, offered, offeredCount, _ in
    guard let chosen = unsafe chosen, let chosenCount = unsafe chosenCount, let offered = unsafe offered else {
      return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    for name in TLSProtocolName.allCases {
      var offset = 0
      while offset < Int(offeredCount) {
        let count = unsafe Int(offered[offset])
        guard offset + 1 + count <= Int(offeredCount) else { break }
        let candidate = unsafe UnsafeRawBufferPointer(start: offered + offset + 1, count: count)
        if unsafe candidate.elementsEqual(name.rawValue.utf8) {
          // OpenSSL allows the selection to point into the offered list.
          unsafe chosen.pointee = unsafe offered + offset + 1
          unsafe chosenCount.pointee = UInt8(count)
          return SSL_TLSEXT_ERR_OK
        }
        offset += 1 + count
      }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
  }
}
