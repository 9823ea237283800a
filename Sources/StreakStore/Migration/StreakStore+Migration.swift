internal import Postgres
public import StreakDomain

extension StreakStore {
  // A session with a row.
  private static let claimKnown = Statement(
    .write,
    """
    UPDATE sessions SET claimed_by = $2, migration_id = $3, last_contact_at = $4, sealed_start = NULL,
      sealed_stash = NULL
    WHERE session_id = $1 AND claimed_by IS NULL AND secret_hash = $5 AND anchor IS NOT DISTINCT FROM $6
    """)

  // A session that began offline, or whose row was removed.
  private static let claimUnknown = Statement(
    .write,
    """
    INSERT INTO sessions (session_id, secret_hash, last_contact_at, claimed_by, migration_id)
    VALUES ($1, $5, $4, $2, $3) ON CONFLICT (session_id) DO NOTHING
    """)

  /// Makes a session part of an account. Changes no row if the session has changed since the caller
  /// read it.
  static func claiming(_ session: NewMigration, for userID: Identifier, at now: Instant) -> BoundStatement {
    let migration = session.record.migration
    if !session.isSessionKnown {
      return BoundStatement(
        claimUnknown, .identifier(migration.sessionID), .identifier(userID), .identifier(migration.migrationID),
        .instant(now), .bytes(session.record.sessionSecretHash))
    }
    return BoundStatement(
      claimKnown, .identifier(migration.sessionID), .identifier(userID), .identifier(migration.migrationID),
      .instant(now), .bytes(session.record.sessionSecretHash), .instant(migration.anchor))
  }

  private static let insertRejected = RejectedEntryColumn.insert.statement()

  private static let insertMigration = Statement(
    .write,
    """
    INSERT INTO migrations (\(MigrationColumn.inserted.list()))
    VALUES (\(MigrationColumn.inserted.parameters()))
    """)

  /// Puts entries into the inbox.
  static func insertingRejected(_ rejected: [RejectedEntryRecord], of userID: Identifier) -> BoundStatement {
    RejectedEntryColumn.insert.bound(
      rejected.map { RejectedEntryRow(userID: userID, record: $0) }, to: insertRejected)
  }

  /// Stores a migration with the reply to it.
  static func insertingRecord(_ migration: MigrationRecord, of userID: Identifier) -> BoundStatement {
    BoundStatement(
      statement: insertMigration, parameters: MigrationColumn.inserted.map { $0.value(migration, of: userID) })
  }

  private static let migration = Statement(
    .read, "SELECT \(migrationColumns.list()) FROM migrations WHERE user_id = $1 AND migration_id = $2")

  /// A migration into a person's account; nil if there is none.
  public func migration(_ migrationID: Identifier, of userID: Identifier) async throws(StoreError) -> MigrationRecord? {
    try await database.row(Self.migration, .identifier(userID), .identifier(migrationID)) { row throws(DatabaseError) in
      try row.migration(Self.migrationColumns)
    }
  }
}
