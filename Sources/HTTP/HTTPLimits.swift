/// What one connection may take from us.
public struct HTTPLimits: Sendable {
  /// Streams the peer may have open at once on one connection (SETTINGS_MAX_CONCURRENT_STREAMS).
  public var concurrentStreamsMax: UInt32 = 256
  /// Bytes of one header list, counted as RFC 9113 section 6.5.2 counts them (name + value + 32 for
  /// each field).
  public var headerListBytesMax = 16_384
  /// Bytes of one header list beyond that limit, counted likewise, which are only decoded; more of
  /// them end the connection.
  public var refusedHeaderListBytesMax = 1_048_576
  /// Bytes the peer may send on one stream before we take them (SETTINGS_INITIAL_WINDOW_SIZE).
  public var streamWindowBytes: UInt32 = 65_535
  /// The same for a stream whose receiver keeps up: fewer and larger steps.
  public var busyStreamWindowBytes: Int32 = 524_288
  /// Streams of one connection that may have that window.
  public var busyStreamsMax = 4
  /// Bytes the peer may send on the whole connection before we take them.
  public var connectionWindowBytes: Int32 = 1_048_576
  /// Bytes of one stream waiting for the peer's window before the writer is suspended.
  public var outboundBytesMax = 65_536

  /// Bytes that one connection may hold of what it has received (`BufferUse.receivedBytes`): the
  /// full windows of all its streams, of which four may be busy ones, since large requests that
  /// wait for room fill theirs; and some header lists.
  public var receivedBytesPerConnectionMax = 20 * 1_024 * 1_024
  /// The same over all connections of a loop: a thousand full windows.
  public var receivedBytesPerLoopMax = 64 * 1_024 * 1_024
  /// Bytes that one connection may hold of what is to be sent (`BufferUse.sendingBytes`). One
  /// response is let in whatever its size.
  public var sendingBytesPerConnectionMax = 16 * 1_024 * 1_024
  /// The same over all connections of a loop.
  public var sendingBytesPerLoopMax = 64 * 1_024 * 1_024
  /// Bytes of a response that is not refused for its own connection's sake, so that small calls go
  /// on beside large ones.
  public var smallResponseBytesMax = 16_384
  /// Streams that all connections of a loop may have open: some 8 KiB each.
  public var streamsPerLoopMax = 32_768

  /// Bytes of the table that the peer may use to compress its header fields
  /// (SETTINGS_HEADER_TABLE_SIZE).
  public var headerTableBytes: UInt32 = 4_096
  /// Frames that cost us work and carry none: see `HTTPFlood.frames`. DATA frames that we send
  /// allow for two more each.
  public var idleFrames = FrameRate(burst: 2_000, perSecond: 500)
  /// Streams reset before they ended, or refused for their header fields: more than may be open at
  /// once, so that giving everything up is no offence.
  public var resets = FrameRate(burst: 512, perSecond: 100)
  /// For how long a peer that has closed its own side is kept while it is sent nothing: one that is
  /// gone altogether is noticed only by sending.
  public var halfClosedMilliseconds: UInt64 = 10_000
  /// Time between two pings of the peer while nothing else is sent; shorter ones are strikes.
  public var pingIntervalMillisecondsMin: UInt64 = 10_000
  /// Strikes that are forgiven. Source: gRPC proposal A8.
  public var pingStrikesMax = 2
  /// Frames waiting to be sent before the connection is given up: the peer makes us answer and does
  /// not read.
  public var outboundFramesMax = 2_000

  public init() {}
}
