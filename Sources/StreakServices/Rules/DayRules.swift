/// Days as numbers: days since 1970-01-01. All arithmetic is on integers, so no clock change can break it.
enum DayRules {
  /// 2000-01-01, the earliest day that is accepted.
  static let earliestDay: Int32 = 10_957
  /// 9999-12-31, the latest day that can be written.
  static let latestDay: Int32 = 2_932_896
  /// How far ahead of UTC a day may be: UTC+14, and five minutes of slack for clocks. In seconds.
  static let aheadOfUTCSecondsMax: Int64 = 14 * 3600 + 300
  /// A day older than this, in days, can no longer be undone, and counts no more if it arrives now.
  static let sealedAfterDays: Int32 = 30

  /// The day of a moment: date(occurred_at + utc_offset - day_start).
  ///
  /// - Parameter seconds: Seconds since 1970-01-01T00:00:00Z.
  static func day(atSeconds seconds: Int64, utcOffsetSeconds: Int32, dayStartMinutes: Int32) -> Int32 {
    let local = seconds + Int64(utcOffsetSeconds) - Int64(dayStartMinutes) * 60
    return Int32(clamping: floorDivide(local, 86_400))
  }

  /// The latest day that it can be anywhere on Earth.
  static func latestDayAnywhere(atSeconds now: Int64) -> Int32 {
    Int32(clamping: floorDivide(now + aheadOfUTCSecondsMax, 86_400))
  }

  static func floorDivide(_ dividend: Int64, _ divisor: Int64) -> Int64 {
    let quotient = dividend / divisor
    return dividend % divisor < 0 ? quotient - 1 : quotient
  }
}
