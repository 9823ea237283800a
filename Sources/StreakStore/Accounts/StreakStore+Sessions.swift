internal import Postgres
public import struct StreakDomain.Identifier

extension StreakStore {
  private static let insertSession = Statement(
    .write,
    """
    INSERT INTO sessions (session_id, secret_hash, anchor, last_contact_at, sealed_start)
    VALUES ($1, $2, $3, $3, $4) ON CONFLICT (session_id) DO NOTHING
    """)

  /// Stores a session that begins now.
  ///
  /// - Returns: Whether it is new; if not, nothing was changed.
  public func startSession(_ session: SessionRecord, at now: Moment) async throws(StoreError) -> Bool {
    try await database.execute(
      Self.insertSession, .identifier(session.sessionID), .bytes(session.secretHash), .moment(now),
      .bytes(session.sealedStart)) == 1
  }

  private static let session = Statement(
    .read,
    """
    SELECT secret_hash, anchor, sealed_start, claimed_by, migration_id FROM sessions WHERE session_id = $1
    """)

  /// A session; nil if it is unknown.
  public func session(_ sessionID: Identifier) async throws(StoreError) -> SessionRecord? {
    try await database.row(Self.session, .identifier(sessionID)) { row throws(DatabaseError) in
      SessionRecord(
        sessionID: sessionID, secretHash: try row.bytes(0), anchor: try row.momentOrNull(1),
        sealedStart: try row.bytesOrNull(2), claimedBy: try row.identifierOrNull(3),
        migrationID: try row.identifierOrNull(4))
    }
  }

  private static let keepSession = Statement(
    .write,
    "UPDATE sessions SET last_contact_at = $2 WHERE session_id = $1 AND last_contact_at < $3")

  /// Notes that a session's device is alive; written once a day at most.
  public func keepSession(_ sessionID: Identifier, at now: Moment) async throws(StoreError) {
    try await database.execute(
      Self.keepSession, .identifier(sessionID), .moment(now), .moment(now.advanced(bySeconds: -86_400)))
  }
}
