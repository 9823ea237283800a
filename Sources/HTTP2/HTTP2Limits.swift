/// What one connection may take from us.
public struct HTTP2Limits: Sendable {
  /// Streams the peer may have open at once on one connection (SETTINGS_MAX_CONCURRENT_STREAMS).
  public var concurrentStreamsMax: UInt32 = 256
  /// Bytes of one header list, counted as RFC 9113 section 6.5.2 counts them (name + value + 32 for each field).
  public var headerListBytesMax = 16_384
  /// Bytes the peer may send on one stream before we take them (SETTINGS_INITIAL_WINDOW_SIZE).
  public var streamWindowBytes: UInt32 = 65_535
  /// Bytes the peer may send on the whole connection before we take them.
  public var connectionWindowBytes: Int32 = 1_048_576
  /// Bytes of one stream waiting for the peer's window before the writer is suspended.
  public var outboundBytesMax = 65_536

  /// Frames waiting to be sent before the connection is given up: the peer makes us answer and does not read.
  public var outboundFramesMax = 10_000

  public init() {}
}
