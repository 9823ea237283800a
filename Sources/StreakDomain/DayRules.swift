/// What may be stated about a day, and what it is worth.
public enum DayRules {
  /// Days after which a day cannot be undone any more, and a late completion does not count.
  public static let lateDaysMax = 30
  /// How far a clock may be ahead before a day counts as a future one, in milliseconds.
  public static let futureSlackMilliseconds: Int64 = 5 * 60_000
  /// Bytes of a zone name.
  public static let zoneBytesMax = 64

  /// The latest date anywhere on Earth at `now` (UTC+14), with the slack.
  public static func latestToday(now: Int64) -> Day {
    LocalTime.day(
      atMilliseconds: now.addingReportingOverflow(futureSlackMilliseconds).partialValue,
      utcOffsetSeconds: LocalTime.utcOffsetSecondsRange.upperBound, dayStartMinutes: 0)
  }

  /// Whether the parts of a moment are in range.
  public static func isWellFormed(_ time: LocalTime) -> Bool {
    LocalTime.utcOffsetSecondsRange.contains(time.utcOffsetSeconds)
      && LocalTime.dayStartMinutesRange.contains(time.dayStartMinutes)
      && !time.zone.isEmpty && time.zone.utf8.count <= zoneBytesMax
  }

  /// Checks a completion's day against its moment. The future is looked at first: a clock ahead is the likelier cause.
  /// - Returns: Why the statement cannot be accepted; nil if it can.
  public static func rejection(day: Day, made: LocalTime, now: Int64) -> EntryRejection? {
    guard (Day.earliest...Day.latest).contains(day), isWellFormed(made) else { return .malformed }
    if day > latestToday(now: now) { return .futureDay }
    if day != made.day { return .dayMismatch }
    return nil
  }

  /// What a completion that arrives at `now` is worth: late ones count up to `lateDaysMax` days.
  public static func trust(day: Day, made: LocalTime, now: Int64) -> CellTrust {
    day.distance(to: made.day(atMilliseconds: now)) > lateDaysMax ? .quarantined(.tooOld) : .counted
  }

  /// Whether a day is too old to be undone.
  public static func isSealed(day: Day, made: LocalTime, now: Int64) -> Bool {
    day.distance(to: made.day(atMilliseconds: now)) > lateDaysMax
  }
}

/// What the ledger knows of a cell when a change is decided.
public struct LedgerCell: Hashable, Sendable {
  public var done: Bool
  public var note: String
  public var trust: CellTrust

  public init(done: Bool, note: String, trust: CellTrust) {
    self.done = done
    self.note = note
    self.trust = trust
  }
}

/// Decides what a single statement about a day makes of its cell.
public enum RecordingRules {
  /// "Done, with this note."
  /// - Returns: The new state, which may equal the old one.
  /// - Throws: Why the statement is not accepted.
  public static func record(
    day: Day, note: String, made: LocalTime, now: Int64, existing: LedgerCell?
  ) throws(EntryRejection) -> LedgerCell {
    if let rejection = DayRules.rejection(day: day, made: made, now: now) { throw rejection }
    // A day that is done already keeps its worth: a later note must neither raise nor lower it.
    let trust = existing.flatMap { $0.done ? $0.trust : nil } ?? DayRules.trust(day: day, made: made, now: now)
    return LedgerCell(done: true, note: note, trust: trust)
  }

  /// "Not done after all." The note stays.
  /// - Throws: Why the statement is not accepted.
  public static func undo(day: Day, made: LocalTime, now: Int64, existing: LedgerCell?) throws(EntryRejection)
    -> LedgerCell
  {
    guard (Day.earliest...Day.latest).contains(day), DayRules.isWellFormed(made) else { throw .malformed }
    guard let existing else { throw .cellNotFound }
    guard !DayRules.isSealed(day: day, made: made, now: now) else { throw .daySealed }
    return LedgerCell(done: false, note: existing.note, trust: existing.trust)
  }
}
