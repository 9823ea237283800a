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

  private static let stashColumns = Selection(SessionColumn.stash, from: sessionColumns.end + 1)
  private static let stashNumberColumns = Selection(
    SessionColumn.stash.filter { $0 != .sealedStash }, from: sessionColumns.end + 1)

  private static func presentedStash(_ stash: Selection<SessionColumn>) -> Statement {
    Statement(
      .read,
      """
      SELECT \(sessionColumns.list(of: "s")), e.secret_hash, \(stash.list(of: "s"))
      FROM (SELECT $1::uuid AS session_id) w
        LEFT JOIN sessions s USING (session_id)
        LEFT JOIN erasure.sessions e USING (session_id)
      """)
  }

  private static let presentedStash = presentedStash(stashColumns)
  private static let presentedStashNumber = presentedStash(stashNumberColumns)

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
      return PresentedStash(
        known: try row.bytesOrNull(columns[.secretHash]) == nil ? nil : try row.session(columns),
        erasedSecretHash: try row.bytesOrNull(columns.end),
        stash: try row.stash(withContent ? Self.stashColumns : Self.stashNumberColumns, hasContent: withContent))
    }
    return found ?? PresentedStash()
  }

  private static let stash = Statement(
    .write,
    """
    UPDATE sessions SET \((SessionColumn.stash + [.lastContactAt]).assignments(fromParameter: 3))
    WHERE session_id = $1 AND secret_hash = $2 AND claimed_by IS NULL AND coalesce(stash_number, 0) < $4
    """)

  /// Stores a session's stash, unless a newer one is there, the session has been claimed, or the
  /// secret is another one.
  ///
  /// - Parameter isNew: The server does not know the session, which began offline.
  /// - Returns: Whether it is stored.
  public func stash(
    _ stash: StashRecord, of sessionID: Identifier, secretHash: [UInt8], isNew: Bool
  ) async throws(StoreError) -> Bool {
    let contactAt = stash.stashedAt
    guard isNew else {
      return try await database.execute(
        Self.stash, .identifier(sessionID), .bytes(secretHash), .bytes(stash.sealed), .int64(stash.number),
        .instant(stash.stashedAt), .instant(contactAt)) == 1
    }
    let record = SessionRecord(sessionID: sessionID, secretHash: secretHash, anchor: nil)
    return try await database.execute(
      NewSession(record: record, lastContactAt: contactAt, stash: stash).insertion) == 1
  }

  private static let removeStash = Statement(
    .write, "UPDATE sessions SET sealed_stash = NULL WHERE session_id = $1 AND secret_hash = $2")

  /// Removes a session's stash. Its number stays, so that a late copy of it does not return.
  public func removeStash(of sessionID: Identifier, secretHash: [UInt8]) async throws(StoreError) {
    try await database.execute(Self.removeStash, .identifier(sessionID), .bytes(secretHash))
  }
}
