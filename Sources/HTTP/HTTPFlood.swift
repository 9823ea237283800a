/// What a peer did too much of. The connection ends with GOAWAY ENHANCE_YOUR_CALM and this text.
public enum HTTPFlood: String, Error, Sendable, CaseIterable {
  /// SETTINGS, PING, PRIORITY, WINDOW_UPDATE, CONTINUATION or empty DATA.
  case frames = "too_many_frames"
  /// Streams reset by the peer, made to be reset by us, or with more header fields than the limit
  /// (CVE-2023-44487, CVE-2025-8671, CVE-2016-6581).
  case resets = "too_many_resets"
  /// Pings closer together than `pingIntervalMillisecondsMin`. Source: gRPC, "Client-side
  /// Keepalive", proposal A8.
  case pings = "too_many_pings"
}
