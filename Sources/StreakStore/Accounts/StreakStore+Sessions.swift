internal import Postgres
public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

extension StreakStore {
  /// Stores a session that begins now.
  ///
  /// - Returns: Whether it is new; if not, nothing was changed.
  public func startSession(_ session: SessionRecord, at now: Instant) async throws(StoreError) -> Bool {
    var record = session
    record.anchor = now
    return try await database.execute(NewSession(record: record, lastContactAt: now).insertion) == 1
  }

  private static let session = Statement(
    .read, "SELECT \(sessionColumns.list()) FROM sessions WHERE session_id = $1")

  /// A session; nil if it is unknown.
  public func session(_ sessionID: Identifier) async throws(StoreError) -> SessionRecord? {
    try await database.row(Self.session, .identifier(sessionID)) { row throws(DatabaseError) in
      try row.session(Self.sessionColumns)
    }
  }

  private static let presentedSession = Statement(
    .read,
    """
    SELECT \(sessionColumns.list(of: "s")), e.secret_hash
    FROM (SELECT $1::uuid AS session_id) w
      LEFT JOIN sessions s USING (session_id)
      LEFT JOIN erasure.sessions e USING (session_id)
    """)

  /// The data to check a claim on a session: its row, and for sessions of an erased account the
  /// hash of the secret. One statement for all cases, so that the time does not reveal which
  /// sessions exist.
  public func presentedSession(
    _ sessionID: Identifier
  ) async throws(StoreError) -> (known: SessionRecord?, erasedSecretHash: [UInt8]?) {
    let found = try await database.row(Self.presentedSession, .identifier(sessionID)) { row throws(DatabaseError) in
      (
        known: try row.bytesOrNull(Self.sessionColumns[.secretHash]) == nil
          ? nil : try row.session(Self.sessionColumns),
        erasedSecretHash: try row.bytesOrNull(Self.sessionColumns.end)
      )
    }
    return found ?? (nil, nil)
  }

  private static let keepSession = Statement(
    .write,
    "UPDATE sessions SET last_contact_at = $2 WHERE session_id = $1 AND last_contact_at < $3")

  /// Records that a session is in use; writes at most once a day.
  public func keepSession(_ sessionID: Identifier, at now: Instant) async throws(StoreError) {
    try await database.execute(
      Self.keepSession, .identifier(sessionID), .instant(now), .instant(now.advanced(bySeconds: -86_400)))
  }
}
