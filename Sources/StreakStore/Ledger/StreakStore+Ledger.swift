internal import Postgres
public import StreakDomain

extension StreakStore {
  private static let ledgerState = Statement(
    .read,
    """
    SELECT u.change_number, u.zone_uses, h.archived, h.total_days, h.longest_run, h.last_run_first_day,
      h.last_run_last_day, h.previous_run_first_day, h.previous_run_last_day, c.habit_id, c.day, c.done, c.note,
      c.quarantine_reason, c.version, c.occurred_at, c.zone, c.utc_offset_seconds, c.day_start_minutes, c.recorded_at,
      c.device_id, c.migration_id
    FROM users u
      LEFT JOIN habits h ON h.user_id = u.user_id AND h.habit_id = $2
      LEFT JOIN cells c ON c.user_id = u.user_id AND c.habit_id = $2 AND c.day = $3
    WHERE u.user_id = $1
    """)

  // Takes effect only while the change number is the one the decision was made on; the update of the person's row is the lock.
  private static let storeCell = Statement(
    .write,
    """
    WITH changed AS (
      UPDATE users SET change_number = change_number + 1, zone_uses = $3 WHERE user_id = $1 AND change_number = $2
      RETURNING user_id, change_number
    ), kept AS (
      INSERT INTO cell_history SELECT cells.* FROM cells JOIN changed USING (user_id) WHERE habit_id = $4 AND day = $5
    ), summarised AS (
      UPDATE habits SET total_days = $15, longest_run = $16, last_run_first_day = $17, last_run_last_day = $18,
        previous_run_first_day = $19, previous_run_last_day = $20
      FROM changed WHERE habits.user_id = changed.user_id AND habit_id = $4
        AND (total_days, longest_run, last_run_first_day, last_run_last_day, previous_run_first_day,
          previous_run_last_day) IS DISTINCT FROM ($15, $16, $17, $18, $19, $20)
    )
    INSERT INTO cells (
      user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone, utc_offset_seconds,
      day_start_minutes, recorded_at, device_id, migration_id)
    SELECT user_id, $4, $5, $6, $7, $8, change_number, $9, $10, $11, $12, $13, $14, NULL FROM changed
    ON CONFLICT (user_id, habit_id, day) DO UPDATE SET
      done = excluded.done, note = excluded.note, quarantine_reason = excluded.quarantine_reason,
      version = excluded.version, occurred_at = excluded.occurred_at, zone = excluded.zone,
      utc_offset_seconds = excluded.utc_offset_seconds, day_start_minutes = excluded.day_start_minutes,
      recorded_at = excluded.recorded_at, device_id = excluded.device_id, migration_id = excluded.migration_id
    """)

  /// Changes one cell: load, decide, store. What is stored is durable when this returns.
  ///
  /// - Parameter decide: Sees the person's state and answers what the cell is to become, nil to leave it as it is, or a refusal. It is called
  ///   again if somebody else changed the person's data in between, so it must be pure.
  /// - Returns: The cell and summary as they are now, or the refusal.
  public func changeCell<Refused: Error>(
    of userID: Identifier, habitID: Identifier, day: Int32,
    _ decide: (LedgerState) -> Result<CellChange?, Refused>
  ) async throws(StoreError) -> Result<ChangedLedger, Refused> {
    try await change(userID) { runner throws(StoreError) in
      let state = try await Self.ledgerState(of: userID, habitID: habitID, day: day, by: runner)
      let change: CellChange?
      switch decide(state) {
      case .failure(let refused): return .failure(refused)
      case .success(let decided): change = decided
      }
      guard let summary = state.summary else { throw .fault(reason: "a change of a habit that is not there") }
      guard var change else {
        guard let cell = state.cell else { throw .fault(reason: "nothing was to be changed into nothing") }
        return .success(
          ChangedLedger(
            cell: cell, summary: summary, zoneUses: state.zoneUses, habitIsArchived: state.habitIsArchived))
      }
      change.cell.version = state.changeNumber + 1
      let changed = try await Self.summary(
        summary, with: change.cell, replacing: state.cell, of: userID, by: runner)
      guard
        try await Self.store(change, changed, of: userID, ifChangeNumberIs: state.changeNumber, by: runner)
      else { return nil }
      return .success(
        ChangedLedger(
          cell: change.cell, summary: changed, zoneUses: change.zoneUses, habitIsArchived: state.habitIsArchived))
    }
  }

  private static func ledgerState(
    of userID: Identifier, habitID: Identifier, day: Int32, by runner: some StatementRunner
  ) async throws(StoreError) -> LedgerState {
    let state = try await runner.row(
      ledgerState, .identifier(userID), .identifier(habitID), .int32(day)
    ) { row throws(DatabaseError) in
      let archived = try row.boolOrNull(2)
      return LedgerState(
        changeNumber: try row.int64(0), zoneUses: try row.bytes(1),
        summary: archived == nil ? nil : try row.summary(from: 3), habitIsArchived: archived ?? false,
        cell: try row.identifierOrNull(9) == nil ? nil : try row.cell(from: 9))
    }
    guard let state else { throw .noSuchUser }
    return state
  }

  /// - Returns: Whether it was stored; not if somebody else changed the person's data since.
  private static func store(
    _ change: CellChange, _ summary: StreakSummary, of userID: Identifier, ifChangeNumberIs changeNumber: Int64,
    by runner: some StatementRunner
  ) async throws(StoreError) -> Bool {
    let cell = change.cell
    let columns = summary.columns
    return try await runner.execute(
      storeCell, .identifier(userID), .int64(changeNumber), .bytes(change.zoneUses), .identifier(cell.habitID),
      .int32(cell.day), .bool(cell.done), .string(cell.note), .int16(Int16(cell.quarantineReason)),
      .moment(cell.made.occurredAt), .string(cell.made.zone), .int32(cell.made.utcOffsetSeconds),
      .int32(cell.made.dayStartMinutes), .moment(cell.recordedAt), .identifier(cell.deviceID), .int32(columns[0]),
      .int32(columns[1]), .int32(columns[2]), .int32(columns[3]), .int32(columns[4]), .int32(columns[5])) == 1
  }

  /// The summary with a changed cell. Where the summary alone does not tell, it is computed anew from the counted days. (They may be newer
  /// than the state the decision was made on: then it is not stored.)
  private static func summary(
    _ summary: StreakSummary, with cell: CellRecord, replacing previous: CellRecord?, of userID: Identifier,
    by runner: some StatementRunner
  ) async throws(StoreError) -> StreakSummary {
    guard cell.counts != previous?.counts ?? false else { return summary }
    let day = Day(cell.day)
    if let changed = cell.counts ? summary.adding(day) : summary.removing(day) { return changed }
    var days = Set(try await countedDays(of: userID, habitID: cell.habitID, by: runner))
    if cell.counts { days.insert(day) } else { days.remove(day) }
    return StreakSummary(countedDays: days)
  }

  private static let countedDays = Statement(
    .read, "SELECT day FROM cells WHERE user_id = $1 AND habit_id = $2 AND done AND quarantine_reason = 0")

  private static func countedDays(
    of userID: Identifier, habitID: Identifier, by runner: some StatementRunner
  ) async throws(StoreError) -> [Day] {
    try await runner.rows(countedDays, .identifier(userID), .identifier(habitID)) { row throws(DatabaseError) in
      Day(try row.int32(0))
    }
  }
}
