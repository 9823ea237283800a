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

/// Decides what a single statement about a day, made on a connected device, becomes of its cell.
///
/// "Today" is the person's, the zone of the statement included. A connected device has nothing left to send, so it is
/// caught up today: days more than two before today are `BACKFILL`, more than 30 `TOO_OLD`. Offline queues are judged by
/// `DayRules.trust` from the day on which their device was caught up.
public enum RecordingRules {
  /// "Done, with this note."
  /// - Parameters:
  ///   - now: The server's clock, in milliseconds since 1970.
  ///   - zones: The zones this person used lately.
  /// - Returns: The new state, which may equal the old one.
  /// - Throws: Why the statement is not accepted.
  public static func record(
    day: Day, note: String, made: LocalTime, now: Int64, zones: ZoneUses, existing: LedgerCell?
  ) throws(EntryRejection) -> LedgerCell {
    if let rejection = DayRules.rejection(day: day, made: made, now: now) { throw rejection }
    // What a day is worth is decided when it is first claimed: a later note, or undo and redo, neither raise nor lower it.
    let today = today(zones, made, now)
    let trust = existing?.trust ?? DayRules.trust(day: day, today: today, caughtUpDay: today)
    return LedgerCell(done: true, note: note, trust: trust)
  }

  /// "Not done after all." The note and what the day is worth stay. Undoing what is undone changes nothing, at any age.
  /// - Parameters:
  ///   - now: The server's clock, in milliseconds since 1970.
  ///   - zones: The zones this person used lately.
  /// - Throws: Why the statement is not accepted.
  public static func undo(
    day: Day, made: LocalTime, now: Int64, zones: ZoneUses, existing: LedgerCell?
  ) throws(EntryRejection) -> LedgerCell {
    if DayRules.malformedField(day: day, made: made) != nil { throw .malformed }
    guard let existing else { throw .cellNotFound }
    guard existing.done else { return existing }
    if DayRules.isSealed(day: day, today: today(zones, made, now)) { throw .daySealed }
    return LedgerCell(done: false, note: existing.note, trust: existing.trust)
  }

  private static func today(_ zones: ZoneUses, _ made: LocalTime, _ now: Int64) -> Day {
    min(zones.today(now: now), made.day(atMilliseconds: now))
  }
}
