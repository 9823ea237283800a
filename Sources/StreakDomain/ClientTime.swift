/// An instant as a person experienced it on a device, with the zone and day start that give the
/// person's date.
public struct ClientTime: Hashable, Sendable {
  /// By the device's clock, in whole milliseconds.
  public var occurredAt: Instant
  /// IANA name of the zone; unknown names are accepted.
  public var zone: String
  /// Seconds east of UTC, in `utcOffsetSecondsRange`.
  public var utcOffsetSeconds: Int32
  /// Minutes after midnight at which this person's day begins, 0 to 1439.
  public var dayStartMinutes: Int32

  public static let utcOffsetSecondsRange: ClosedRange<Int32> = -43_200...50_400
  public static let dayStartMinutesRange: ClosedRange<Int32> = 0...1_439
  static let millisecondsPerDay: Int64 = 86_400_000

  public init(occurredAt: Instant, zone: String, utcOffsetSeconds: Int32, dayStartMinutes: Int32 = 0) {
    self.occurredAt = occurredAt
    self.zone = zone
    self.utcOffsetSeconds = utcOffsetSeconds
    self.dayStartMinutes = dayStartMinutes
  }

  /// date((occurred_at + utc_offset) - day_start).
  public var day: Day { day(at: occurredAt) }

  /// The date in this zone, with this day start, at another instant.
  public func day(at instant: Instant) -> Day {
    Self.day(at: instant, utcOffsetSeconds: utcOffsetSeconds, dayStartMinutes: dayStartMinutes)
  }

  static func day(at instant: Instant, utcOffsetSeconds: Int32, dayStartMinutes: Int32) -> Day {
    let local = instant.advanced(bySeconds: Int64(utcOffsetSeconds) - Int64(dayStartMinutes) * 60).milliseconds
    let day = local >= 0 ? local / millisecondsPerDay : (local + 1) / millisecondsPerDay - 1
    return Day(Int32(clamping: day))
  }
}
