/// A moment as a person lived it on a device, and what turns it into that person's day.
public struct LocalTime: Hashable, Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z, by the device's clock.
  public var occurredAtMilliseconds: Int64
  /// IANA name of the zone; unknown names are accepted.
  public var zone: String
  /// Seconds east of UTC, in `utcOffsetSecondsRange`.
  public var utcOffsetSeconds: Int32
  /// Minutes after midnight at which this person's day begins, 0 to 1439.
  public var dayStartMinutes: Int32

  public static let utcOffsetSecondsRange: ClosedRange<Int32> = -43_200...50_400
  public static let dayStartMinutesRange: ClosedRange<Int32> = 0...1_439
  static let millisecondsPerDay: Int64 = 86_400_000

  public init(occurredAtMilliseconds: Int64, zone: String, utcOffsetSeconds: Int32, dayStartMinutes: Int32 = 0) {
    self.occurredAtMilliseconds = occurredAtMilliseconds
    self.zone = zone
    self.utcOffsetSeconds = utcOffsetSeconds
    self.dayStartMinutes = dayStartMinutes
  }

  /// date((occurred_at + utc_offset) - day_start).
  public var day: Day {
    Self.day(
      atMilliseconds: occurredAtMilliseconds, utcOffsetSeconds: utcOffsetSeconds, dayStartMinutes: dayStartMinutes)
  }

  /// The date in this zone, with this day start, at another moment.
  public func day(atMilliseconds now: Int64) -> Day {
    Self.day(atMilliseconds: now, utcOffsetSeconds: utcOffsetSeconds, dayStartMinutes: dayStartMinutes)
  }

  static func day(atMilliseconds moment: Int64, utcOffsetSeconds: Int32, dayStartMinutes: Int32) -> Day {
    let shift = (Int64(utcOffsetSeconds) - Int64(dayStartMinutes) * 60) * 1_000
    let (local, overflow) = moment.addingReportingOverflow(shift)
    guard !overflow else { return Day(moment < 0 ? Int32.min : Int32.max) }
    let day = local >= 0 ? local / millisecondsPerDay : -((-(local + 1)) / millisecondsPerDay) - 1
    return Day(Int32(clamping: day))
  }
}
