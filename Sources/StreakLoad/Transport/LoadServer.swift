public import EventLoop
public import RPC
public import TLS

/// Where the load goes.
public struct LoadServer: Sendable {
  public var address: SocketAddress
  /// Whom the server's certificate must be for.
  public var host: String
  /// A client's context; nil: in cleartext.
  public var tls: TLSContext?
  /// How calls are carried.
  public var rpcProtocol = ClientProtocol.grpc
  /// How long a connection may take to be made, handshakes included.
  public var connectMilliseconds: UInt64 = 10_000
  /// How long a call may take; it is given up within a tenth of a second after that.
  public var callMilliseconds: UInt64 = 10_000

  public init(address: SocketAddress, host: String, tls: TLSContext? = nil) {
    self.address = address
    self.host = host
    self.tls = tls
  }

  var authority: String { address.isUnix ? "localhost" : "\(address)" }
  var scheme: String { tls == nil ? "http" : "https" }
}
