internal import Postgres
public import StreakDomain

extension StreakStore {
  // A session that the server saw begin.
  private static let claimKnown = Statement(
    .write,
    """
    UPDATE sessions SET claimed_by = $2, migration_id = $3, last_contact_at = $4, sealed_start = NULL
    WHERE session_id = $1 AND claimed_by IS NULL AND secret_hash = $5 AND anchor IS NOT DISTINCT FROM $6
    """)

  // A session that began offline, or that the server has forgotten.
  private static let claimUnknown = Statement(
    .write,
    """
    INSERT INTO sessions (session_id, secret_hash, last_contact_at, claimed_by, migration_id)
    VALUES ($1, $5, $4, $2, $3) ON CONFLICT (session_id) DO NOTHING
    """)

  /// Makes a session part of an account.
  ///
  /// - Returns: Whether it still was as the caller saw it. If not, nothing was changed.
  static func claim(
    _ session: NewMigration, for userID: Identifier, at now: Moment, by runner: some StatementRunner
  ) async throws(StoreError) -> Bool {
    let migration = session.migration
    if migration.anchor == nil {
      return try await runner.execute(
        claimUnknown, .identifier(migration.sessionID), .identifier(userID), .identifier(migration.migrationID),
        .moment(now), .bytes(session.sessionSecretHash)) == 1
    }
    return try await runner.execute(
      claimKnown, .identifier(migration.sessionID), .identifier(userID), .identifier(migration.migrationID),
      .moment(now), .bytes(session.sessionSecretHash), .moment(migration.anchor)) == 1
  }

  private static let insertHabits = Statement(
    .write,
    """
    INSERT INTO habits (
      user_id, habit_id, name, description, color, position, archived, version, created_at, total_days, longest_run,
      last_run_first_day, last_run_last_day, previous_run_first_day, previous_run_last_day, cells_digest)
    SELECT $1, * FROM unnest(
      $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::boolean[], $8::bigint[],
      $9::timestamptz[], $10::integer[], $11::integer[], $12::integer[], $13::integer[], $14::integer[], $15::integer[],
      $16::bytea[])
    """)

  private static let insertCells = Statement(
    .write,
    """
    INSERT INTO cells (
      user_id, migration_id, device_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone,
      utc_offset_seconds, day_start_minutes, recorded_at)
    SELECT $1, $2, $3, * FROM unnest(
      $4::uuid[], $5::integer[], $6::boolean[], $7::text[], $8::smallint[], $9::bigint[], $10::timestamptz[],
      $11::text[], $12::integer[], $13::integer[], $14::timestamptz[])
    """)

  private static let insertRejected = Statement(
    .write,
    """
    INSERT INTO rejected_entries (
      user_id, migration_id, entry_id, entry_index, habit_id, day, done, note, occurred_at, zone, utc_offset_seconds,
      day_start_minutes, reason, rejected_at)
    SELECT $1, $2, * FROM unnest(
      $3::uuid[], $4::integer[], $5::uuid[], $6::integer[], $7::boolean[], $8::text[], $9::timestamptz[], $10::text[],
      $11::integer[], $12::integer[], $13::integer[], $14::timestamptz[])
    """)

  private static let insertMigration = Statement(
    .write,
    """
    INSERT INTO migrations (user_id, migration_id, session_id, anchor, manifest_hash, result, committed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """)

  /// Stores a session's data in an account that has none of its habits.
  ///
  /// - Parameter cellsDigests: Of each habit's cells.
  static func insert(
    _ session: NewMigration, _ cellsDigests: [StateDigest], into userID: Identifier, by runner: some StatementRunner
  ) async throws(StoreError) {
    let migration = session.migration
    let habits = session.habits
    let summaries = habits.map(\.summary.columns)
    func summaryColumn(_ index: Int) -> PostgresValue { .int32Array(summaries.map { $0[index] }) }
    try await runner.execute(
      insertHabits, .identifier(userID), .identifiers(habits.map(\.habit.habitID)),
      .stringArray(habits.map(\.habit.name)), .stringArray(habits.map(\.habit.description)),
      .int32Array(habits.map(\.habit.color)), .int32Array(habits.map(\.habit.position)),
      .boolArray(habits.map(\.habit.archived)), .int64Array(habits.map(\.habit.version)),
      .moments(habits.map(\.habit.createdAt)), summaryColumn(0), summaryColumn(1), summaryColumn(2), summaryColumn(3),
      summaryColumn(4), summaryColumn(5), .bytesArray(cellsDigests.map(\.bytes)))
    let cells = session.cells
    try await runner.execute(
      insertCells, .identifier(userID), .identifier(migration.migrationID), .identifier(cells.first?.deviceID),
      .identifiers(cells.map(\.habitID)), .int32Array(cells.map(\.day)), .boolArray(cells.map(\.done)),
      .stringArray(cells.map(\.note)), .int16Array(cells.map { Int16($0.quarantineReason) }),
      .int64Array(cells.map(\.version)), .moments(cells.map(\.made.occurredAt)), .stringArray(cells.map(\.made.zone)),
      .int32Array(cells.map(\.made.utcOffsetSeconds)), .int32Array(cells.map(\.made.dayStartMinutes)),
      .moments(cells.map(\.recordedAt)))
    let rejected = session.rejected
    try await runner.execute(
      insertRejected, .identifier(userID), .identifier(migration.migrationID), .identifiers(rejected.map(\.entryID)),
      .int32Array(rejected.map(\.index)), .identifiers(rejected.map(\.habitID)), .int32Array(rejected.map(\.day)),
      .boolArray(rejected.map(\.done)), .stringArray(rejected.map(\.note)),
      .moments(rejected.map(\.made.occurredAt)), .stringArray(rejected.map(\.made.zone)),
      .int32Array(rejected.map(\.made.utcOffsetSeconds)), .int32Array(rejected.map(\.made.dayStartMinutes)),
      .int32Array(rejected.map(\.reason)), .moments(rejected.map(\.rejectedAt)))
    try await runner.execute(
      insertMigration, .identifier(userID), .identifier(migration.migrationID), .identifier(migration.sessionID),
      .moment(migration.anchor), .bytes(migration.manifestHash), .bytes(migration.result),
      .moment(migration.committedAt))
  }

  private static let migration = Statement(
    .read,
    """
    SELECT session_id, anchor, manifest_hash, result, committed_at FROM migrations
    WHERE user_id = $1 AND migration_id = $2
    """)

  /// A migration into a person's account; nil if there is none.
  public func migration(_ migrationID: Identifier, of userID: Identifier) async throws(StoreError) -> MigrationRecord? {
    try await database.row(Self.migration, .identifier(userID), .identifier(migrationID)) { row throws(DatabaseError) in
      MigrationRecord(
        migrationID: migrationID, sessionID: try row.identifier(0), anchor: try row.momentOrNull(1),
        manifestHash: try row.bytes(2), result: try row.bytes(3), committedAt: try row.moment(4))
    }
  }
}
