public import ArgumentParser
package import EventLoop
package import HTTP
package import RPC
package import TLS

/// The options for the connection to a server: its protocol and its protection.
package struct SecurityOptions: ParsableArguments {
  @Flag(help: "Connect with TLS, trusting the system's authorities.")
  package var tls = false

  @Option(name: .customLong("tls-ca"), help: "Connect with TLS, trusting the authorities in this PEM file only.")
  package var tlsCA: String?

  @Option(help: "Connect with TLS, showing the certificate in this PEM file.")
  package var tlsCertificate: String?

  @Option(help: "The PEM file with the key of --tls-certificate.")
  package var tlsKey: String?

  @Option(help: "The name that the server's certificate must be for, if not the address.")
  package var serverName: String?

  @Option(
    name: .customLong("protocol"),
    help: "How calls are carried: grpc, grpc-web, grpc-web-text, connect or connect-json.")
  package var rpcProtocol = ClientProtocol.grpc

  @Option(help: "The version of HTTP: 2, or 1.1 for every protocol but grpc.")
  package var httpVersion = HTTPVersion.http2

  @Flag(help: "Permit passwords and tokens in cleartext to another machine.")
  package var allowCleartext = false

  package init() {}

  package var usesHTTP2: Bool { httpVersion == .http2 }

  /// The options as they would be given again, each with a space in front; none for those that are
  /// the default.
  package var protocolOptions: String {
    (rpcProtocol == .grpc ? "" : " --protocol \(rpcProtocol.rawValue)")
      + (usesHTTP2 ? "" : " --http-version \(httpVersion.rawValue)")
  }

  /// - Throws: `ValidationError` for a certificate without a key, or the reverse.
  package func security() throws -> ConnectionSecurity {
    var security = ConnectionSecurity()
    if tls { security.usesTLS = true }
    security.authorities = tlsCA
    security.certificate = try Self.certificate(tlsCertificate, key: tlsKey)
    security.allowsCleartext = allowCleartext
    return security
  }

  /// - Throws: `ValidationError` for a certificate without a key, or the reverse.
  package static func certificate(_ certificate: String?, key: String?) throws -> TLSClientFiles? {
    switch (certificate, key) {
    case (nil, nil): return nil
    case (let certificate?, let key?): return TLSClientFiles(certificateChain: certificate, privateKey: key)
    default: throw ValidationError("tls-certificate and tls-key go together.")
    }
  }

  /// The TLS context of connections to this server; nil: in cleartext. Warns on standard error if
  /// secrets are sent in cleartext.
  /// - Throws: `ValidationError` for options that cannot be used, and if cleartext is not
  ///   permitted.
  package func context(for address: String) throws -> TLSContext? {
    let security = try security()
    let isHere = ChannelTarget(parsing: address)?.isOnThisMachine ?? false
    do {
      if let warning = try security.check(address, isOnThisMachine: isHere) { printError(warning) }
    } catch let refusal as CleartextRefused {
      throw ValidationError(refusal.description)
    }
    return try security.context()
  }

  /// A channel that connects at the first call.
  /// - Throws: `ValidationError` for options that cannot be used, and if cleartext is not
  ///   permitted.
  package func channel(to address: String, on loop: EventLoop) throws -> RPCChannel {
    guard let target = ChannelTarget(parsing: address) else {
      throw ValidationError("--address must be HOST:PORT, several of them separated by commas, or unix:PATH.")
    }
    var options = ChannelOptions()
    options.serverName = serverName
    options.rpcProtocol = rpcProtocol
    options.httpVersion = httpVersion
    guard rpcProtocol != .grpc || httpVersion == .http2 else {
      throw ValidationError("--protocol grpc needs HTTP/2.")
    }
    return RPCChannel(to: target, loop: loop, tls: try context(for: address), options: options)
  }
}

extension ClientProtocol: ExpressibleByArgument {}

extension HTTPVersion: ExpressibleByArgument {}
