internal import HTTP

/// A bucket of tokens that certain frames of a peer take from. Taking one is a decrement; the clock
/// is read only when it is empty.
struct TokenBucket {
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
