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
  /// It held memory that others needed.
  case outOfRoom = "out_of_room"
  case ageGraceOver = "age_grace_over"
  case shutdown
}

/// What has happened to a server's connections, since it started.
public struct ConnectionCounters: Sendable, Equatable {
  public var accepted = 0
  /// Closed at once: there were as many as may be.
  public var refused = 0
  public var open = 0
  /// How often there was no descriptor or no memory for one that waited.
  public var shortages = 0
  public var ended: [ConnectionEnd: Int] = [:]

  mutating func add(_ other: ConnectionCounters) {
    accepted += other.accepted
    refused += other.refused
    shortages += other.shortages
    open += other.open
    ended.merge(other.ended, uniquingKeysWith: +)
  }
}
