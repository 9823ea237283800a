internal import Postgres
public import StreakDomain

extension StreakStore {
  // A session with a row.
  private static let claimKnown = Statement(
    .write,
    """
    UPDATE sessions SET \(SessionColumn.claim)
    WHERE session_id = $1 AND claimed_by IS NULL AND secret_hash = $5 AND anchor IS NOT DISTINCT FROM $6
    """)

  /// Inserts a session as part of an account: one that began offline, or whose row was removed.
  static func insertingClaimed(
    _ migration: MigrationRecord, secretHash: [UInt8], by userID: Identifier, at now: Instant
  ) -> BoundStatement {
    let record = SessionRecord(
      sessionID: migration.sessionID, secretHash: secretHash, anchor: nil, claimedBy: userID,
      migrationID: migration.migrationID)
    return NewSession(record: record, lastContactAt: now).insertion
  }

  /// Makes a session part of an account. Changes no row if the session has changed since the caller
  /// read it.
  static func claiming(_ session: NewMigration, for userID: Identifier, at now: Instant) -> BoundStatement {
    let migration = session.record.migration
    if !session.isSessionKnown {
      return insertingClaimed(
        migration, secretHash: session.record.sessionSecretHash, by: userID, at: now)
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
  static func insertingRejected(_ rejected: [RejectedEntry], of userID: Identifier) -> BoundStatement {
    RejectedEntryColumn.insert.bound(
      rejected.map { RejectedEntryRow(userID: userID, entry: $0) }, to: insertRejected)
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
