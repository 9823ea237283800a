internal import StreakDomain
internal import StreakStore

/// Why a change of a cell is refused.
struct CellRefusal: Error {
  let refusal: Refusal
}

/// What becomes of a cell, decided by the domain's rules on the person's state. Pure: it is asked again when somebody else changed that state.
enum CellDecision {
  /// A completion is recorded.
  static func record(_ recording: CellRecord, _ state: LedgerState) -> Result<CellChange?, CellRefusal> {
    decide(recording, state) { made, now, zones, existing throws(EntryRejection) in
      try RecordingRules.record(
        day: Day(recording.day), note: recording.note, made: made, now: now, zones: zones, existing: existing)
    }
  }

  /// A completion is undone: the cell and its note stay.
  static func undo(_ undoing: CellRecord, _ state: LedgerState) -> Result<CellChange?, CellRefusal> {
    decide(undoing, state) { made, now, zones, existing throws(EntryRejection) in
      try RecordingRules.undo(day: Day(undoing.day), made: made, now: now, zones: zones, existing: existing)
    }
  }

  private static func decide(
    _ wanted: CellRecord, _ state: LedgerState,
    _ rule: (LocalTime, Int64, ZoneUses, LedgerCell?) throws(EntryRejection) -> LedgerCell
  ) -> Result<CellChange?, CellRefusal> {
    guard state.summary != nil else { return .failure(CellRefusal(refusal: .habitNotFound)) }
    let made = LocalTime(wanted.made)
    let existing = state.cell.map { LedgerCell(done: $0.done, note: $0.note, trust: $0.trust) }
    var uses = ZoneUses(encoded: state.zoneUses)
    let decided: LedgerCell
    do throws(EntryRejection) {
      decided = try rule(made, wanted.recordedAt.milliseconds, uses, existing)
    } catch {
      return .failure(CellRefusal(refusal: Refusal(error)))
    }
    if decided == existing { return .success(nil) }
    var cell = wanted
    cell.done = decided.done
    cell.note = decided.note
    cell.quarantineReason = decided.trust.storedReason
    uses.note(made, now: wanted.recordedAt.milliseconds)
    return .success(CellChange(cell: cell, zoneUses: uses.encoded))
  }
}
