public import EventLoop
public import RPC
public import TLS

/// The server under load.
public struct LoadServer: Sendable {
  public var address: SocketAddress
  /// The name that the server's certificate must be for.
  public var host: String
  /// A client's context; nil: in cleartext.
  public var tls: TLSContext?
  /// The protocol of calls.
  public var rpcProtocol = ClientProtocol.grpc
  /// Time limit for making a connection, including handshakes.
  public var connectMilliseconds: UInt64 = 10_000
  /// Time limit of a call; it is cancelled within a tenth of a second after that.
  public var callMilliseconds: UInt64 = 10_000

  public init(address: SocketAddress, host: String, tls: TLSContext? = nil) {
    self.address = address
    self.host = host
    self.tls = tls
  }

  var authority: String { address.isUnix ? "localhost" : "\(address)" }
  var scheme: String { tls == nil ? "http" : "https" }
}
