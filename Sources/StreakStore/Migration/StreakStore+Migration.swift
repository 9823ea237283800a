internal import Postgres
public import StreakDomain

extension StreakStore {
  // A session that the server knows.
  private static let claimKnown = Statement(
    .write,
    """
    UPDATE sessions SET claimed_by = $2, migration_id = $3, last_contact_at = $4, sealed_start = NULL
    WHERE session_id = $1 AND claimed_by IS NULL AND secret_hash = $5 AND anchor IS NOT DISTINCT FROM $6
    """)

  // One that began offline, or that the server has forgotten.
  private static let claimUnknown = Statement(
    .write,
    """
    INSERT INTO sessions (session_id, secret_hash, last_contact_at, claimed_by, migration_id)
    VALUES ($1, $5, $4, $2, $3) ON CONFLICT (session_id) DO NOTHING
    """)

  /// Makes a session part of an account. It changes no row if the session is not as the caller saw
  /// it any more.
  static func claiming(_ session: NewMigration, for userID: Identifier, at now: Moment) -> BoundStatement {
    let migration = session.record.migration
    if !session.isSessionKnown {
      return BoundStatement(
        claimUnknown, .identifier(migration.sessionID), .identifier(userID), .identifier(migration.migrationID),
        .moment(now), .bytes(session.record.sessionSecretHash))
    }
    return BoundStatement(
      claimKnown, .identifier(migration.sessionID), .identifier(userID), .identifier(migration.migrationID),
      .moment(now), .bytes(session.record.sessionSecretHash), .moment(migration.anchor))
  }

  private static let insertRejected = Statement(
    .write,
    """
    INSERT INTO rejected_entries (
      user_id, migration_id, entry_id, entry_index, habit_id, day, done, note, occurred_at, zone, utc_offset_seconds,
      day_start_minutes, reason, rejected_at, note_hash)
    SELECT $1, $2, * FROM unnest(
      $3::uuid[], $4::integer[], $5::uuid[], $6::integer[], $7::boolean[], $8::text[], $9::timestamptz[], $10::text[],
      $11::integer[], $12::integer[], $13::integer[], $14::timestamptz[], $15::bytea[])
    """)

  private static let insertMigration = Statement(
    .write,
    """
    INSERT INTO migrations (
      user_id, migration_id, session_id, anchor, manifest_hash, result, committed_at, change_number)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """)

  /// Puts entries into the inbox.
  static func insertingRejected(
    _ rejected: [RejectedEntryRecord], _ migrationID: Identifier, of userID: Identifier
  ) -> BoundStatement {
    BoundStatement(
      insertRejected, .identifier(userID), .identifier(migrationID), .identifiers(rejected.map(\.entryID)),
      .int32Array(rejected.map(\.index)), .identifiers(rejected.map(\.habitID)), .int32Array(rejected.map(\.day)),
      .boolArray(rejected.map(\.done)), .stringArray(rejected.map(\.note)),
      .moments(rejected.map(\.made.occurredAt)), .stringArray(rejected.map(\.made.zone)),
      .int32Array(rejected.map(\.made.utcOffsetSeconds)), .int32Array(rejected.map(\.made.dayStartMinutes)),
      .int32Array(rejected.map(\.reason)), .moments(rejected.map(\.rejectedAt)),
      .bytesArray(rejected.map(\.noteHash)))
  }

  /// Stores a migration with the reply to it.
  static func insertingRecord(_ migration: MigrationRecord, of userID: Identifier) -> BoundStatement {
    BoundStatement(
      insertMigration, .identifier(userID), .identifier(migration.migrationID), .identifier(migration.sessionID),
      .moment(migration.anchor), .bytes(migration.manifestHash), .bytes(migration.result),
      .moment(migration.committedAt), .int64(migration.changeNumber))
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
