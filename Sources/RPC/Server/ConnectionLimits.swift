/// How many connections a server has, and how long each may take for what. Times are looked at once
/// per `sweepMilliseconds`.
public struct ConnectionLimits: Sendable {
  /// Connections of one loop; one more is closed at once.
  public var connectionsPerLoopMax = 20_000
  /// Connections from one IPv4 address, or from the same 64 bits of IPv6, to one loop; one more is
  /// closed at once. Behind a proxy all come from the proxy's.
  public var connectionsPerAddressMax = 2_000
  /// From accepting a connection to the peer's first SETTINGS.
  public var handshakeMilliseconds: UInt64 = 10_000
  /// From the first byte of a request's header fields to their last.
  public var headersMilliseconds: UInt64 = 10_000
  /// From a call's header fields to the end of its only request.
  public var requestMilliseconds: UInt64 = 60_000
  /// How long a peer may take nothing of what there is for it: then its stream is reset, or the
  /// connection closed.
  public var stallMilliseconds: UInt64 = 60_000
  /// The same while its response is in the way of another that there is no room for.
  public var pressedStallMilliseconds: UInt64 = 5_000
  /// How long a connection without calls is kept; 0: for ever.
  public var idleMilliseconds: UInt64 = 300_000
  /// Age at which a connection is asked to go, give or take a tenth, so that clients spread over
  /// new servers; 0: never.
  public var ageMilliseconds: UInt64 = 3_600_000
  /// How long calls of a connection that was asked to go may still take.
  public var ageGraceMilliseconds: UInt64 = 600_000
  /// After so long without a byte a connection with calls is pinged: a phone that went away keeps
  /// nothing busy. 0: never.
  public var keepaliveMilliseconds: UInt64 = 240_000
  /// How long the peer may take to answer the ping.
  public var keepaliveTimeoutMilliseconds: UInt64 = 20_000
  /// Time between two looks at all connections.
  public var sweepMilliseconds: UInt64 = 1_000

  public init() {}
}
