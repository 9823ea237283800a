/// The rules for statements about days, and for the status of days.
public enum DayRules {
  /// Days after which a day cannot be undone any more, and a late completion does not count.
  public static let lateDaysMax = 30
  /// Days before today that may be entered afterwards and still count.
  public static let backfillDaysMax = 2
  /// How far a clock may be ahead before a day counts as a future one, in milliseconds.
  public static let futureSlackMilliseconds: Int64 = 5 * 60_000
  /// Most minutes by which a day start moves the date by which a day is judged.
  public static let judgedDayStartMinutesMax: Int32 = 360
  /// Counted days that a habit may have before the account's first date.
  public static let earlyDaysMax = 30
  /// Most bytes of a zone name.
  public static let zoneBytesMax = 64
  /// Most bytes of a note.
  public static let noteBytesMax = 4_096

  /// The latest date anywhere on Earth at `now` (UTC+14), with the slack.
  public static func latestToday(now: Instant) -> Day {
    ClientTime.day(
      at: now.advanced(byMilliseconds: futureSlackMilliseconds),
      utcOffsetSeconds: ClientTime.utcOffsetSecondsRange.upperBound, dayStartMinutes: 0)
  }

  /// The date by which a day is judged: the date of `moment` in the statement's own offset, with a
  /// day start of at most 6 hours.
  public static func judgedDay(_ clientTime: ClientTime, at moment: Instant) -> Day {
    ClientTime.day(
      at: moment, utcOffsetSeconds: clientTime.utcOffsetSeconds,
      dayStartMinutes: min(clientTime.dayStartMinutes, judgedDayStartMinutesMax))
  }

  /// The earliest date anywhere on Earth (UTC-12) when an account was made. Days before it are the
  /// account's early days.
  public static func firstDay(createdAt: Instant) -> Day {
    ClientTime.day(
      at: createdAt, utcOffsetSeconds: ClientTime.utcOffsetSecondsRange.lowerBound, dayStartMinutes: 0)
  }

  /// Whether a day and a moment are values that a ledger may hold.
  public static func isWellFormed(day: Day, clientTime: ClientTime) -> Bool {
    (Day.earliest...Day.latest).contains(day)
      && ClientTime.utcOffsetSecondsRange.contains(clientTime.utcOffsetSeconds)
      && ClientTime.dayStartMinutesRange.contains(clientTime.dayStartMinutes) && isZoneName(clientTime.zone)
  }

  /// Whether a text can name a zone: 1 to 64 bytes without control characters. Unknown names are
  /// accepted.
  public static func isZoneName(_ text: String) -> Bool {
    guard !text.isEmpty, text.utf8.count <= zoneBytesMax else { return false }
    // Names are ASCII; looking up every character's category would cost more than the other rules
    // of a small call.
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return true }
    return !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  /// Checks a completion's day against its moment. The future is checked first: a clock ahead is
  /// the likelier cause.
  /// - Returns: Why the statement is rejected; nil if it is not.
  public static func rejection(day: Day, clientTime: ClientTime, now: Instant) -> Reason? {
    if !isWellFormed(day: day, clientTime: clientTime) { return .invalidField }
    if day > latestToday(now: now) { return .futureDay }
    if day != clientTime.day { return .dayMismatch }
    return nil
  }

  /// The status of a newly claimed day.
  ///
  /// A device that has been offline may claim the days since it was caught up (and the one before).
  /// An earlier day counts as entered afterwards, and counts only if it is fresh. The number of
  /// days that a catch-up may claim (`ZONE_HOP`) is not checked here: it depends on the device's
  /// other claims.
  /// - Parameters:
  ///   - today: The date at arrival, by `judgedDay`.
  ///   - caughtUpDay: The date when the device's queue was last empty, by `judgedDay`.
  public static func trust(day: Day, today: Day, caughtUpDay: Day) -> CellTrust {
    let age = day.distance(to: today)
    if age > lateDaysMax { return .quarantined(.tooOld) }
    let isFresh = age <= backfillDaysMax || day >= caughtUpDay.advanced(by: -1)
    return isFresh ? .counted : .quarantined(.backfill)
  }

  /// Whether a day is too old to be undone.
  public static func isSealed(day: Day, today: Day) -> Bool { day.distance(to: today) > lateDaysMax }
}
