public import HTTP
public import ProtobufCodec

/// What a server accepts from one peer.
public struct RPCLimits: Sendable {
  /// Bytes of one message, without its 5-byte prefix.
  public var messageBytesMax = 4 * 1_024 * 1_024
  /// Bytes of messages larger than a stream's window that may be on their way on one connection;
  /// more wait for their turn. Beside them every stream has its window
  /// (`HTTPLimits.streamWindowBytes`).
  public var largeRequestBytesMax = 16 * 1_024 * 1_024
  /// The same over all connections of a loop.
  public var largeRequestBytesPerLoopMax = 128 * 1_024 * 1_024
  public var http2 = HTTPLimits()
  public var connections = ConnectionLimits()
  public var decoding = DecodeLimits()

  /// Bytes of all buffers of a loop: half for large requests, a quarter each for what else was
  /// received and for what is to be sent.
  public var bufferBytesPerLoopMax: Int {
    get { largeRequestBytesPerLoopMax + http2.receivedBytesPerLoopMax + http2.sendingBytesPerLoopMax }
    set {
      largeRequestBytesPerLoopMax = newValue / 2
      http2.receivedBytesPerLoopMax = newValue / 4
      http2.sendingBytesPerLoopMax = newValue / 4
    }
  }

  public init() {}
}
