public import StreakDomain

// Tests reckon with instants in milliseconds.

extension Instant {
  public static let min = Instant(milliseconds: .min)
  public static let max = Instant(milliseconds: .max)

  public static func + (instant: Instant, milliseconds: Int64) -> Instant {
    instant.advanced(byMilliseconds: milliseconds)
  }

  public static func - (instant: Instant, milliseconds: Int64) -> Instant {
    instant.advanced(byMilliseconds: -milliseconds)
  }

  public static func += (instant: inout Instant, milliseconds: Int64) { instant = instant + milliseconds }

  public static func -= (instant: inout Instant, milliseconds: Int64) { instant = instant - milliseconds }

  public static func - (later: Instant, earlier: Instant) -> Int64 { later.milliseconds(since: earlier) }
}
