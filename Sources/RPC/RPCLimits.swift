public import HTTP2
public import ProtobufCodec

/// What a server accepts from one peer.
public struct RPCLimits: Sendable {
  /// Bytes of one message, without its 5-byte prefix.
  public var messageBytesMax = 4 * 1_024 * 1_024
  /// Bytes of requests not yet handed to handlers, over all streams of one connection.
  public var bufferedRequestBytesMax = 16 * 1_024 * 1_024
  public var http2 = HTTP2Limits()
  public var connections = ConnectionLimits()
  public var decoding = DecodeLimits()

  public init() {}
}
