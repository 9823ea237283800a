internal import Postgres
public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

/// The sealed captures of anonymous sessions.
extension StreakStore {
  /// A presented session with its stash.
  public struct PresentedStash: Sendable {
    /// Nil: the session is unknown.
    public var known: SessionRecord?
    /// For a session of an erased account: the hash of its secret.
    public var erasedSecretHash: [UInt8]?
    /// Nil: the session never had one.
    public var stash: StashRecord?
  }

  private static func presentedStash(_ content: String) -> Statement {
    Statement(
      .read,
      """
      SELECT \(sessionColumns.list(of: "s")), e.secret_hash, s.stash_number, s.stashed_at, \(content)
      FROM (SELECT $1::uuid AS session_id) w
        LEFT JOIN sessions s USING (session_id)
        LEFT JOIN erasure.sessions e USING (session_id)
      """)
  }

  private static let presentedStash = presentedStash("s.sealed_stash")
  private static let presentedStashNumber = presentedStash("NULL::bytea")

  /// The data to check a claim on a session, and its stash. One statement for all cases, so that
  /// the time does not reveal which sessions exist.
  ///
  /// - Parameter withContent: Read the sealed capture too.
  public func presentedStash(
    _ sessionID: Identifier, withContent: Bool
  ) async throws(StoreError) -> PresentedStash {
    let statement = withContent ? Self.presentedStash : Self.presentedStashNumber
    let found = try await database.row(statement, .identifier(sessionID)) { row throws(DatabaseError) in
      let columns = Self.sessionColumns
      let number = try row.int64OrNull(columns.end + 1)
      let sealed = try row.bytesOrNull(columns.end + 3)
      return PresentedStash(
        known: try row.bytesOrNull(columns[.secretHash]) == nil ? nil : try row.session(columns),
        erasedSecretHash: try row.bytesOrNull(columns.end),
        stash: try row.instantOrNull(columns.end + 2).flatMap { stashedAt in
          number.map { StashRecord(number: $0, sealed: sealed, stashedAt: stashedAt) }
        })
    }
    return found ?? PresentedStash()
  }

  private static let stash = Statement(
    .write,
    """
    UPDATE sessions SET sealed_stash = $3, stash_number = $4, stashed_at = $5, last_contact_at = $5
    WHERE session_id = $1 AND secret_hash = $2 AND claimed_by IS NULL AND coalesce(stash_number, 0) < $4
    """)
  private static let stashUnanchored = Statement(
    .write,
    """
    INSERT INTO sessions (session_id, secret_hash, sealed_stash, stash_number, stashed_at, last_contact_at)
    VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (session_id) DO NOTHING
    """)

  /// Stores a session's stash, unless a newer one is there, the session has been claimed, or the
  /// secret is another one.
  ///
  /// - Parameter isNew: The server does not know the session, which began offline.
  /// - Returns: Whether it is stored.
  public func stash(
    _ stash: StashRecord, of sessionID: Identifier, secretHash: [UInt8], isNew: Bool
  ) async throws(StoreError) -> Bool {
    try await database.execute(
      isNew ? Self.stashUnanchored : Self.stash, .identifier(sessionID), .bytes(secretHash), .bytes(stash.sealed),
      .int64(stash.number), .instant(stash.stashedAt)) == 1
  }

  private static let removeStash = Statement(
    .write, "UPDATE sessions SET sealed_stash = NULL WHERE session_id = $1 AND secret_hash = $2")

  /// Removes a session's stash. Its number stays, so that a late copy of it does not return.
  public func removeStash(of sessionID: Identifier, secretHash: [UInt8]) async throws(StoreError) {
    try await database.execute(Self.removeStash, .identifier(sessionID), .bytes(secretHash))
  }
}
