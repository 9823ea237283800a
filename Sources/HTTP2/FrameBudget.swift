/// A bucket of tokens that certain frames of a peer take from. Taking one is a decrement; the clock
/// is read only when it is empty.
struct FrameBudget {
  private var tokens: Int
  private var filledAtMilliseconds: UInt64

  init(_ rate: FrameRate, atMilliseconds now: UInt64) {
    tokens = rate.burst
    filledAtMilliseconds = now
  }

  /// - Returns: false when the peer has used up what it may.
  @inline(__always)
  mutating func take(_ rate: FrameRate, _ now: () -> UInt64) -> Bool {
    tokens -= 1
    return tokens >= 0 || refill(rate, now())
  }

  /// Gives tokens back: work was done that such frames belong to.
  @inline(__always)
  mutating func give(_ count: Int, _ rate: FrameRate) { tokens = min(tokens + count, rate.burst) }

  private mutating func refill(_ rate: FrameRate, _ now: UInt64) -> Bool {
    let elapsed = min(now &- filledAtMilliseconds, 1_000_000)
    tokens = min(tokens + Int(elapsed) * rate.perSecond / 1_000, rate.burst)
    filledAtMilliseconds = now
    return tokens >= 0
  }
}

/// How many frames of a kind are taken: this many at once, and then so many each second.
public struct FrameRate: Sendable, Equatable {
  public var burst: Int
  public var perSecond: Int

  public init(burst: Int, perSecond: Int) {
    self.burst = burst
    self.perSecond = perSecond
  }
}

/// What a peer did too much of. The connection ends with GOAWAY ENHANCE_YOUR_CALM and this text.
public enum HTTP2Flood: String, Error, Sendable, CaseIterable {
  /// SETTINGS, PING, PRIORITY, WINDOW_UPDATE, CONTINUATION or empty DATA.
  case frames = "too_many_frames"
  /// Streams reset by the peer, made to be reset by us, or with more header fields than the limit
  /// (CVE-2023-44487, CVE-2025-8671, CVE-2016-6581).
  case resets = "too_many_resets"
  /// Pings closer together than `pingIntervalMillisecondsMin`. Source: gRPC, "Client-side
  /// Keepalive", proposal A8.
  case pings = "too_many_pings"
}
