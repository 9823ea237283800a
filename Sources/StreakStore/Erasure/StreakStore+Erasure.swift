internal import Postgres
public import StreakDomain

extension StreakStore {
  // Prevents other calls from adding rows of this user: every change of a user's data changes or
  // locks the head first.
  private static let lockUser = Statement(.write, "SELECT FROM heads WHERE user_id = $1 FOR UPDATE")
  private static let personColumns = Selection(Array(ErasedPersonColumn.allCases))
  private static let erasedSessionColumns = Selection(Array(ErasedSessionColumn.allCases))
  private static let rememberSessions = Statement(
    .write,
    """
    INSERT INTO erasure.sessions (\(erasedSessionColumns.list()))
    SELECT session_id, secret_hash, claimed_by FROM sessions WHERE claimed_by = $1
    ON CONFLICT (session_id) DO NOTHING RETURNING \(erasedSessionColumns.list())
    """)
  private static let rememberPerson = Statement(
    .write,
    """
    INSERT INTO erasure.people (\(personColumns.list())) VALUES (\(personColumns.columns.parameters()))
    ON CONFLICT DO NOTHING
    """)
  private static let notifyErasure = Statement(.write, "SELECT pg_notify($1, $2)")
  private static let removals = TableRegistry.personal.filter { !TableRegistry.auditTrail.contains($0.name) }.map {
    Statement(.write, "DELETE FROM \($0.name) WHERE \($0.userColumn) = ANY($1)")
  }
  private static let removeAuditTrails = Statement(
    .write, "SELECT sum(erase_audit_trail(person))::bigint FROM unnest($1::uuid[]) person")

  /// Removes every row of a user, keeps their random id in the erasure ledger and notifies every
  /// server, in one transaction.
  ///
  /// - Parameters:
  ///   - event: The audit event that is kept, without a user.
  ///   - dueAt: The moment at which an announced deletion must be due; nil: none is needed.
  ///   - person: The person that erases the account; nil: no proof of the person is needed.
  /// - Returns: The data for the ledger outside of the database; nil if there is no such account,
  ///   or its deletion is not due.
  /// - Throws: `.concurrentChange` if the proof does not hold any more.
  package func erase(
    _ userID: Identifier, at now: Instant, _ event: AuditEventRecord, dueAt: Instant? = nil,
    by person: ProvenPerson? = nil
  ) async throws(StoreError) -> ErasureRecords? {
    // Not needed for correctness (no change of a missing user is stored): erased data must not stay
    // in memory.
    _ = ledgerCache.take(userID)
    return try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await remove(userID, at: now, event, dueAt: dueAt, by: person)
    }
  }

  private static let isDue = Statement(
    .write, "SELECT FROM users WHERE user_id = $1 AND deletion_at <= $2 FOR UPDATE")

  private func remove(
    _ userID: Identifier, at now: Instant, _ event: AuditEventRecord, dueAt: Instant?, by person: ProvenPerson?
  ) async throws(StoreError) -> ErasureRecords? {
    try await transaction { transaction throws(StoreError) -> TransactionEnd<ErasureRecords?> in
      guard try await transaction.execute(Self.lockUser, .identifier(userID)) == 1 else { return .rollBack(nil) }
      if let dueAt {
        // Taken back meanwhile, it is not due any more.
        let isDue = try await transaction.execute(Self.isDue, .identifier(userID), .instant(dueAt)) == 1
        guard isDue else { return .rollBack(nil) }
      }
      if let person { try await Self.require(person, by: transaction) }
      let sessions = try await transaction.rows(Self.rememberSessions, .identifier(userID)) {
        row throws(DatabaseError) in try row.erasedSession(Self.erasedSessionColumns)
      }
      try await Self.removeRows(of: [userID], by: transaction)
      try await transaction.execute(Self.rememberPerson, .identifier(userID), .instant(now))
      try await Self.recordAudit(event, by: transaction)
      try await transaction.execute(
        Self.notifyErasure, .string(Self.revocationChannel), .string(userID.description))
      return .commit(
        ErasureRecords(people: [ErasureRecords.Person(userID: userID, erasedAt: now)], sessions: sessions))
    }
  }

  private static func removeRows(of userIDs: [Identifier], by runner: some StatementRunner) async throws(StoreError) {
    for removal in removals { try await runner.execute(removal, .identifiers(userIDs)) }
    // Last: it requires that the account's own row has been removed.
    try await runner.execute(removeAuditTrails, .identifiers(userIDs))
  }

  private static let isErased = Statement(.read, "SELECT EXISTS (SELECT FROM erasure.people WHERE user_id = $1)")

  /// Whether an account was erased.
  public func isErased(_ userID: Identifier) async throws(StoreError) -> Bool {
    try await database.row(Self.isErased, .identifier(userID)) { row throws(DatabaseError) in try row.bool(0) } ?? false
  }

  private static let erasedAmong = Statement(.read, "SELECT user_id FROM erasure.people WHERE user_id = ANY($1)")

  /// Those of these users that were erased.
  public func erased(among userIDs: [Identifier]) async throws(StoreError) -> [Identifier] {
    try await database.rows(Self.erasedAmong, .identifiers(userIDs)) { row throws(DatabaseError) in
      try row.identifier(0)
    }
  }

  private static let erasedPeople = Statement(
    .read, "SELECT \(personColumns.list()) FROM erasure.people WHERE erased_at >= $1 ORDER BY erased_at")
  private static let erasedSessions = Statement(
    .read,
    """
    SELECT \(erasedSessionColumns.list(of: "s")) FROM erasure.sessions s JOIN erasure.people p USING (user_id)
    WHERE p.erased_at >= $1
    """)

  /// All erasures since a moment that this database knows.
  public func erasures(since moment: Instant) async throws(StoreError) -> ErasureRecords {
    ErasureRecords(
      people: try await database.rows(Self.erasedPeople, .instant(moment)) { row throws(DatabaseError) in
        try row.erasedPerson(Self.personColumns)
      },
      sessions: try await database.rows(Self.erasedSessions, .instant(moment)) { row throws(DatabaseError) in
        try row.erasedSession(Self.erasedSessionColumns)
      })
  }

  private static let unknownPeople = Statement(
    .write,
    """
    INSERT INTO erasure.people (\(personColumns.list())) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING user_id
    """)
  private static let unknownSessions = Statement(
    .write,
    """
    INSERT INTO erasure.sessions (\(erasedSessionColumns.list()))
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::uuid[])
    ON CONFLICT DO NOTHING
    """)
  private static let removeErasedSessions = Statement(
    .write, "DELETE FROM sessions WHERE session_id IN (SELECT session_id FROM erasure.sessions)")

  /// Users per transaction of `apply(_:)`.
  static let erasuresPerTransaction = 1000

  /// Erases all users of a ledger that this database still has. For a server's start: the database
  /// may have been restored to an earlier moment.
  ///
  /// - Returns: How many it still had.
  public func apply(_ records: ErasureRecords) async throws(StoreError) -> Int {
    try await Self.apply(records, by: database)
  }

  /// Like `apply(_:)` over a connection of its own, while calls wait for it: see `onEpochRise(_:)`.
  public func applyBeforeServing(_ records: ErasureRecords) async throws(StoreError) -> Int {
    let database = databaseForSchema()
    let result: Result<Int, StoreError>
    do throws(StoreError) {
      result = .success(try await Self.apply(records, by: database))
    } catch {
      result = .failure(error)
    }
    await database.close()
    return try result.get()
  }

  private static func apply(_ records: ErasureRecords, by database: Database) async throws(StoreError) -> Int {
    var count = 0
    for start in stride(from: 0, to: records.people.count, by: erasuresPerTransaction) {
      let people = Array(records.people[start..<min(start + Self.erasuresPerTransaction, records.people.count)])
      count += try await database.transacting { transaction throws(StoreError) in
        let unknown = try await transaction.rows(
          Self.unknownPeople, .identifiers(people.map(\.userID)), .instants(people.map(\.erasedAt))
        ) { row throws(DatabaseError) in try row.identifier(0) }
        if !unknown.isEmpty { try await Self.removeRows(of: unknown, by: transaction) }
        return .commit(unknown.count)
      }
    }
    if !records.sessions.isEmpty {
      try await database.transacting { transaction throws(StoreError) in
        let sessions = records.sessions
        let added = try await transaction.execute(
          Self.unknownSessions, .identifiers(sessions.map(\.sessionID)), .bytesArray(sessions.map(\.secretHash)),
          .identifiers(sessions.map(\.userID)))
        if added > 0 { try await transaction.execute(Self.removeErasedSessions) }
        return .commit(())
      }
    }
    return count
  }

  /// Removes rows that calls running during an erasure may have written after it, such as the row
  /// of a device that was just signing in. Every statement has a time limit, so that checking the
  /// last hour is enough while the server runs. Any number of programs may do so at once.
  ///
  /// - Throws: An error that ends the sweep; or the first of a person whose rows cannot be removed,
  ///   after all others have had their turn.
  public func sweepErasures(since moment: Instant) async throws(StoreError) {
    let people = try await database.rows(Self.erasedPeople, .instant(moment)) { row throws(DatabaseError) in
      try row.erasedPerson(Self.personColumns).userID
    }
    var failure: StoreError?
    for start in stride(from: 0, to: people.count, by: Self.erasuresPerTransaction) {
      let some = people[start..<min(start + Self.erasuresPerTransaction, people.count)]
      try await removeRows(ofErased: some, &failure)
    }
    if let failure { throw failure }
  }

  /// Removes rows in one transaction, or in several if some of them cannot be removed.
  private func removeRows(
    ofErased people: ArraySlice<Identifier>, _ failure: inout StoreError?
  ) async throws(StoreError) {
    do throws(StoreError) {
      try await transaction { transaction throws(StoreError) in
        try await Self.removeRows(of: Array(people), by: transaction)
        return .commit(())
      }
    } catch {
      guard error.isOfStatement else { throw error }
      guard people.count > 1 else { return failure = failure ?? error }
      let middle = people.startIndex + people.count / 2
      try await removeRows(ofErased: people[..<middle], &failure)
      try await removeRows(ofErased: people[middle...], &failure)
    }
  }
}
