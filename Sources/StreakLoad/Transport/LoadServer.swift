package import EventLoop
package import RPC
package import TLS

/// The server under load.
package struct LoadServer: Sendable {
  package var address: SocketAddress
  /// The name that the server's certificate must be for.
  package var host: String
  /// A client's context; nil: in cleartext.
  package var tls: TLSContext?
  /// The protocol of calls.
  package var rpcProtocol = ClientProtocol.grpc
  /// Time limit for making a connection, including handshakes.
  package var connectMilliseconds: UInt64 = 10_000
  /// Time limit of a call; it is cancelled within a tenth of a second after that.
  package var callMilliseconds: UInt64 = 10_000

  package init(address: SocketAddress, host: String, tls: TLSContext? = nil) {
    self.address = address
    self.host = host
    self.tls = tls
  }

  var authority: String { address.isUnix ? "localhost" : "\(address)" }
  var scheme: String { tls == nil ? "http" : "https" }
}
