/// How many connections a server has, and how long each may take for what. Times are looked at once per `sweepMilliseconds`.
public struct ConnectionLimits: Sendable {
  /// Connections of one loop; one more is closed at once.
  public var connectionsPerLoopMax = 20_000
  /// Connections from one IP address to one loop; one more is closed at once. Behind a proxy all come from the proxy's.
  public var connectionsPerAddressMax = 2_000
  /// From accepting a connection to the peer's first SETTINGS.
  public var handshakeMilliseconds: UInt64 = 10_000
  /// From the first byte of a request's header fields to their last.
  public var headersMilliseconds: UInt64 = 10_000
  /// From a call's header fields to the end of its only request.
  public var requestMilliseconds: UInt64 = 60_000
  /// How long a peer may take nothing of what there is for it: then its stream is reset, or the connection closed.
  public var stallMilliseconds: UInt64 = 60_000
  /// How long a connection without calls is kept; 0: for ever.
  public var idleMilliseconds: UInt64 = 300_000
  /// Age at which a connection is asked to go, give or take a tenth, so that clients spread over new servers; 0: never.
  public var ageMilliseconds: UInt64 = 3_600_000
  /// How long calls of a connection that was asked to go may still take.
  public var ageGraceMilliseconds: UInt64 = 600_000
  /// After so long without a byte a connection with calls is pinged: a phone that went away keeps nothing busy. 0: never.
  public var keepaliveMilliseconds: UInt64 = 240_000
  /// How long the peer may take to answer the ping.
  public var keepaliveTimeoutMilliseconds: UInt64 = 20_000
  /// Time between two looks at all connections.
  public var sweepMilliseconds: UInt64 = 1_000

  public init() {}
}

/// Why a server's connection ended.
public enum ConnectionEnd: String, Sendable, CaseIterable {
  case peerClosed = "peer_closed"
  /// After GOAWAY, with nothing left to do.
  case finished
  case protocolError = "protocol_error"
  case tlsError = "tls_error"
  case frameFlood = "frame_flood"
  case resetFlood = "reset_flood"
  case pingFlood = "ping_flood"
  case handshakeTimeout = "handshake_timeout"
  case headersTimeout = "headers_timeout"
  case stalled
  case keepaliveTimeout = "keepalive_timeout"
  case ageGraceOver = "age_grace_over"
  case shutdown
}

/// What has happened to a server's connections, since it started.
public struct ConnectionCounters: Sendable, Equatable {
  public var accepted = 0
  /// Closed at once: there were as many as may be.
  public var refused = 0
  public var open = 0
  public var ended: [ConnectionEnd: Int] = [:]

  static func + (left: ConnectionCounters, right: ConnectionCounters) -> ConnectionCounters {
    var sum = left
    sum.accepted += right.accepted
    sum.refused += right.refused
    sum.open += right.open
    sum.ended.merge(right.ended, uniquingKeysWith: +)
    return sum
  }
}
