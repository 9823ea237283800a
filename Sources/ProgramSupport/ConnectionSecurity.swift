internal import ArgumentParser
internal import RPC
package import TLS

/// How a program protects its connection to a server.
package struct ConnectionSecurity: Equatable, Sendable {
  /// PEM of the authorities to trust; nil: the system's.
  package var authorities: String?
  /// Sent to servers that require a certificate.
  package var certificate: TLSClientFiles?
  /// Nil: decided by the other properties.
  package var usesTLS: Bool?
  /// Allows passwords and tokens to be sent to another machine in cleartext.
  package var allowsCleartext = false

  package init() {}

  /// Whether a connection is encrypted.
  package var isEncrypted: Bool { usesTLS ?? (authorities != nil || certificate != nil) }

  /// The TLS context of all connections; nil: in cleartext.
  /// - Throws: `ValidationError` if files cannot be used, or if TLS is switched off by one option
  ///   and required by another.
  package func context() throws -> TLSContext? {
    guard isEncrypted else {
      guard authorities == nil, certificate == nil else {
        throw ValidationError("tls is switched off, and tls-ca, tls-certificate and tls-key need it.")
      }
      return nil
    }
    do throws(TLSError) {
      return try TLSContext(clientTrusting: authorities, certificate: certificate)
    } catch {
      throw ValidationError("\(error)")
    }
  }

  /// Refuses a connection over which passwords and tokens could be read on the way.
  ///
  /// - Parameter isOnThisMachine: The server is reached over loopback or a Unix socket.
  /// - Returns: A warning to show; nil: none.
  /// - Throws: `CleartextRefused`.
  package func check(_ address: String, isOnThisMachine: Bool) throws -> String? {
    guard !isEncrypted, !isOnThisMachine else { return nil }
    guard allowsCleartext else { throw CleartextRefused(address: address) }
    return "warning: the connection to \(address) is without TLS: passwords, tokens and data can be read on the way."
  }

  /// Advice after a failure, in a sentence; empty if these options cannot help.
  package static func advice(on failure: String) -> String {
    failure.contains(TLSError.certificateRequired) ? " Show one with --tls-certificate FILE --tls-key FILE." : ""
  }
}

/// The server is on another machine, and TLS is off.
package struct CleartextRefused: Error, CustomStringConvertible {
  package let address: String

  package var description: String {
    "\(address) is another machine, and without TLS passwords and tokens can be read on the way: nothing was sent. Give --tls, or --tls-ca FILE for an "
      + "authority of your own; --allow-cleartext permits it all the same."
  }
}
