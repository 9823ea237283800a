internal import Postgres
public import StreakDomain

/// The outcome of undoing a migration.
public enum UndoOutcome: Sendable {
  /// It is undone, or was undone before: the stored answer.
  case undone([UInt8], isReplay: Bool)
  case notFound
  case tooLate
  case limited([Int64])
}

/// The result of an undo, before its answer exists.
public struct UndoneMigration: Sendable {
  public var migrationID: Identifier
  public var daysReversed: Int
  /// Days that were changed since.
  public var leftAlone: [CellKey]
  public var deletedHabits: [Identifier]
}

extension StreakStore {
  private static let migrationForUndo = Statement(
    .read,
    """
    SELECT \(migrationColumns.list()) FROM migrations WHERE user_id = $1 AND migration_id = $2
    """)

  private static let keyColumns = Selection(CellColumn.key)
  // Days whose last change is the migration. Days that it left to other statements are among them.
  private static let cellsOfMigration = Statement(
    .read,
    """
    SELECT \(keyColumns.list()) FROM cells WHERE user_id = $1 AND first_version = $2 AND first_version > 0 AND version = $2
    UNION ALL
    SELECT \(keyColumns.list(of: "c")) FROM cell_history h
      CROSS JOIN LATERAL (
        SELECT * FROM cells
        WHERE cells.user_id = $1 AND cells.habit_id = h.habit_id AND cells.day = h.day AND cells.version = $2 LIMIT 1) c
    WHERE h.user_id = $1 AND h.next_version = $2
    """)
  // Changed by the migration, and again since.
  private static let cellsChangedSince = Statement(
    .read,
    """
    SELECT \(keyColumns.list()) FROM cell_history WHERE user_id = $1 AND next_version > $2 AND version = $2 ORDER BY habit_id, day
    """)
  // Habits of these with a cell that has changed since the migration.
  private static let habitsWithMore = Statement(
    .read,
    """
    SELECT w.habit_id FROM unnest($2::uuid[]) AS w (habit_id) WHERE EXISTS (
      SELECT FROM cells WHERE cells.user_id = $1 AND cells.habit_id = w.habit_id AND version <> $3)
    """)
  private static let noteUndo = Statement(
    .write, "UPDATE migrations SET undone_at = $3, undo_result = $4 WHERE user_id = $1 AND migration_id = $2")
  private static let openSession = Statement(
    .write,
    """
    UPDATE sessions SET claimed_by = NULL, migration_id = NULL
    WHERE session_id = $1 AND claimed_by = $2 AND migration_id = $3
    """)

  /// Undoes a migration, except for later changes.
  ///
  /// - Parameters:
  ///   - earliest: A migration that was committed before this moment stays.
  ///   - answer: Makes the answer that is stored.
  public func undoMigration(
    _ migrationID: Identifier, of userID: Identifier, committedSince earliest: Instant,
    counting counts: [RateCount], audit: AuditEventRecord, at now: Instant, _ answer: (UndoneMigration) -> [UInt8]
  ) async throws(StoreError) -> UndoOutcome {
    try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await undo(migrationID, of: userID, committedSince: earliest, counting: counts, audit: audit, at: now, answer)
    }
  }

  private func undo(
    _ migrationID: Identifier, of userID: Identifier, committedSince earliest: Instant,
    counting counts: [RateCount], audit: AuditEventRecord, at now: Instant, _ answer: (UndoneMigration) -> [UInt8]
  ) async throws(StoreError) -> UndoOutcome {
    try await transaction { transaction throws(StoreError) in
      guard let person = try await loadPerson(userID, Self.lockedPerson, by: transaction) else { throw .noSuchUser }
      let found = try await transaction.row(
        Self.migrationForUndo, .identifier(userID), .identifier(migrationID)
      ) { row throws(DatabaseError) in try row.migration(Self.migrationColumns) }
      guard let migration = found else { return .rollBack(.notFound) }
      if let stored = migration.undoResult { return .rollBack(.undone(stored, isReplay: true)) }
      guard migration.committedAt >= earliest else { return .rollBack(.tooLate) }
      let (id, version) = (PostgresValue.identifier(migrationID), PostgresValue.int64(migration.changeNumber))
      let keys = try await transaction.rows(Self.cellsOfMigration, .identifier(userID), version) {
        row throws(DatabaseError) in try row.cellKey(Self.keyColumns)
      }
      let leftAlone = try await transaction.rows(Self.cellsChangedSince, .identifier(userID), version) {
        row throws(DatabaseError) in try row.cellKey(Self.keyColumns)
      }
      try await loadCells(keys, into: person, by: transaction)
      let habits = Array(person.ledger?.habits.keys ?? [:].keys)
      let more = try await transaction.rows(
        Self.habitsWithMore, .identifier(userID), .identifiers(habits), version
      ) { row throws(DatabaseError) in try row.identifier(0) }
      let undone = await change(person, isLarge: keys.count > ApplyStatement.cellsPerPieceMax) { ledger in
        ledger.undoMigration(
          migrationID, keys, version: migration.changeNumber, habitsWithMore: Set(more), now: now.wholeMilliseconds)
      }
      try await finishChange(person, at: now, by: transaction)
      try await storeLedger(of: person, at: now, by: transaction)
      let result = answer(
        UndoneMigration(
          migrationID: migrationID, daysReversed: undone?.daysReversed ?? 0, leftAlone: leftAlone,
          deletedHabits: undone?.deletedHabits ?? []))
      try await transaction.execute(Self.noteUndo, .identifier(userID), id, .instant(now), .bytes(result))
      try await transaction.execute(Self.openSession, .identifier(migration.sessionID), .identifier(userID), id)
      try await Self.recordAudit(audit, by: transaction)
      // Last: other people's calls are counted in one of these rows too.
      let waits = try await countCall(counts, isAlone: false, by: transaction)
      if waits.contains(where: { $0 > 0 }) { return .rollBack(.limited(waits)) }
      return .commit(.undone(result, isReplay: false))
    }
  }

  private static let listMigrations = Statement(
    .read,
    """
    SELECT \(migrationColumns.list()) FROM migrations WHERE user_id = $1 ORDER BY committed_at DESC, migration_id LIMIT $2
    """)
  static let auditColumns = Selection(AuditColumn.shown)
  private static let listAttempts = Statement(
    .read,
    """
    SELECT \(auditColumns.list()) FROM audit_events
    WHERE user_id = $1 AND method = ANY ($2) ORDER BY number DESC LIMIT $3
    """)

  /// A person's migrations, latest first.
  public func migrations(of userID: Identifier, countMax: Int32) async throws(StoreError) -> [MigrationRecord] {
    try await database.rows(Self.listMigrations, .identifier(userID), .int32(countMax)) { row throws(DatabaseError) in
      try row.migration(Self.migrationColumns)
    }
  }

  /// A person's latest audit events of some methods, latest first.
  public func auditEvents(
    of userID: Identifier, methods: [String], countMax: Int32
  ) async throws(StoreError) -> [AuditEventRecord] {
    try await database.rows(
      Self.listAttempts, .identifier(userID), .stringArray(methods), .int32(countMax)
    ) { row throws(DatabaseError) in
      try row.auditEvent(Self.auditColumns, of: userID)
    }
  }
}
