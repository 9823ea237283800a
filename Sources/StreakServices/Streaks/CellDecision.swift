internal import StreakStore

/// Why a change of a cell is refused.
struct CellRefusal: Error {
  let refusal: Refusal
}

/// What becomes of a cell, decided on the person's state. Pure: it is asked again when somebody else changed that state.
enum CellDecision {
  /// A completion is recorded. Whether a day counts is decided when it is first claimed; recording it again does not change that.
  static func record(_ recording: CellRecord, _ state: LedgerState) -> Result<CellChange?, CellRefusal> {
    guard state.summary != nil else { return .failure(CellRefusal(refusal: .habitNotFound)) }
    if let cell = state.cell, cell.done, cell.note == recording.note, cell.made == recording.made {
      return .success(nil)
    }
    var cell = recording
    let today = recording.made.day(at: recording.recordedAt)
    cell.quarantineReason =
      state.cell?.quarantineReason ?? Quarantine.judge(day: recording.day, today: today)?.rawValue ?? 0
    return .success(CellChange(cell: cell, zoneUses: zoneUses(with: recording, state)))
  }

  /// A completion is undone: the cell, its note and its trust stay.
  static func undo(_ undoing: CellRecord, _ state: LedgerState) -> Result<CellChange?, CellRefusal> {
    guard state.summary != nil else { return .failure(CellRefusal(refusal: .habitNotFound)) }
    guard let stored = state.cell else { return .failure(CellRefusal(refusal: .cellNotFound)) }
    guard stored.done else { return .success(nil) }
    let today = ZoneUses(bytes: state.zoneUses).today(atSeconds: undoing.recordedAt.seconds)
    guard undoing.day >= today - DayRules.sealedAfterDays else { return .failure(CellRefusal(refusal: .daySealed)) }
    var cell = undoing
    cell.note = stored.note
    cell.quarantineReason = stored.quarantineReason
    return .success(CellChange(cell: cell, zoneUses: zoneUses(with: undoing, state)))
  }

  private static func zoneUses(with cell: CellRecord, _ state: LedgerState) -> [UInt8] {
    var uses = ZoneUses(bytes: state.zoneUses)
    uses.note(
      utcOffsetSeconds: cell.made.utcOffsetSeconds, dayStartMinutes: cell.made.dayStartMinutes,
      usedAtSeconds: cell.made.occurredAt.seconds, nowSeconds: cell.recordedAt.seconds)
    return uses.bytes
  }
}
