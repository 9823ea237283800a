internal import Postgres
public import StreakDomain

extension StreakStore {
  private static let ledgerColumns = Selection(HeadColumn.ledger)
  // The lock of the user's head serialises migrations of one account, and delays its other changes
  // meanwhile.
  static let lockedPerson = Statement(
    .write, "SELECT \(ledgerColumns.list()) FROM heads WHERE user_id = $1 FOR NO KEY UPDATE")
  static let person = Statement(.read, "SELECT \(ledgerColumns.list()) FROM heads WHERE user_id = $1")

  static let sessionColumns = Selection(SessionColumn.record)
  private static let lockedSession = Statement(
    .write, "SELECT \(sessionColumns.list()) FROM sessions WHERE session_id = $1 FOR UPDATE")
  private static let session = Statement(
    .read, "SELECT \(sessionColumns.list()) FROM sessions WHERE session_id = $1")

  static let migrationColumns = Selection(MigrationColumn.record)
  private static let migrationsOfSession = Statement(
    .read,
    """
    SELECT \(migrationColumns.list()) FROM migrations WHERE user_id = $1 AND (migration_id = $2 OR session_id = $3) ORDER BY committed_at, migration_id
    """)

  private static let habitColumns = Selection([.habitID] + HabitColumn.state)
  private static let allHabits = Statement(
    .read, "SELECT \(habitColumns.list()) FROM habits WHERE user_id = $1")

  static let entryColumns = Selection(CellColumn.entry)
  private static let cellSet = Statement(
    .read,
    """
    SELECT \(entryColumns.list(of: "c"))
    FROM unnest($2::uuid[], $3::integer[]) AS w (habit_id, day)
      CROSS JOIN LATERAL (
        SELECT * FROM cells WHERE cells.user_id = $1 AND cells.habit_id = w.habit_id AND cells.day = w.day LIMIT 1) c
    """)

  private static let cellsOfHabits = Statement(
    .read, "SELECT \(entryColumns.list()) FROM cells WHERE user_id = $1 AND habit_id = ANY ($2)")

  private static let renameCells = Statement(
    .write, "UPDATE cells SET habit_id = $3 WHERE user_id = $1 AND habit_id = $2")
  private static let renameHistory = Statement(
    .write, "UPDATE cell_history SET habit_id = $3 WHERE user_id = $1 AND habit_id = $2")
  private static let renameNotices = Statement(
    .write, "UPDATE notices SET habit_id = $3 WHERE user_id = $1 AND habit_id = $2")

  // Of a habit that has become part of another one. Its days are stored with that one's; its
  // notices are delivered anew under that one's name.
  private static let removeJoinedCells = Statement(
    .write, "DELETE FROM cells WHERE user_id = $1 AND habit_id = $2")
  private static let joinHistory = Statement(
    .write,
    """
    UPDATE cell_history h SET habit_id = $3 WHERE user_id = $1 AND habit_id = $2 AND NOT EXISTS (
      SELECT FROM cell_history o WHERE o.user_id = $1 AND o.next_version = h.next_version AND o.habit_id = $3
        AND o.day = h.day AND o.version = h.version)
    """)
  private static let joinNotices = Statement(
    .write,
    "UPDATE notices SET habit_id = $3, resolved = true, version = $4 WHERE user_id = $1 AND habit_id = $2")

  private static let claimSession = Statement(
    .write,
    """
    UPDATE sessions SET \(SessionColumn.claim)
    WHERE session_id = $1 AND (claimed_by IS NULL OR claimed_by = $2)
    """)

  /// Migrates a session into an account: claim, data, stored reply and audit event in one
  /// transaction, or nothing.
  ///
  /// - Parameters:
  ///   - isPreview: Decides on one consistent state and stores nothing.
  ///   - counts: Counted in the same transaction if it is to be carried out, so that neither
  ///     replays nor racers of one migration are. Last: other people's calls are counted in one of
  ///     these rows too, and would wait for all of the transaction.
  public func migrate<Decider: MigrationDecider>(
    _ migrationID: Identifier, of sessionID: Identifier, into userID: Identifier, isPreview: Bool,
    counting counts: [RateCount], at now: Instant, _ decider: Decider
  ) async throws(StoreError) -> MigrateOutcome<Decider.Refused> {
    try await inTurn(of: isPreview ? [] : [.person(userID), .session(sessionID)]) { () throws(StoreError) in
      try await decide(
        migrationID, of: sessionID, into: userID, isPreview: isPreview, counting: counts, at: now, decider)
    }
  }

  private func decide<Decider: MigrationDecider>(
    _ migrationID: Identifier, of sessionID: Identifier, into userID: Identifier, isPreview: Bool,
    counting counts: [RateCount], at now: Instant, _ decider: Decider
  ) async throws(StoreError) -> MigrateOutcome<Decider.Refused> {
    try await transaction(isPreview ? .snapshot : .readCommitted) { transaction throws(StoreError) in
      guard
        let person = try await loadPerson(userID, isPreview ? Self.person : Self.lockedPerson, by: transaction),
        let ledger = person.ledger
      else { throw .noSuchUser }
      let state = try await migrationState(
        migrationID, sessionID, of: userID, ledger, isPreview ? Self.session : Self.lockedSession, by: transaction)
      let needs: MigrationNeeds
      switch await decider.begin(state) {
      case .failure(let refused): return .rollBack(.refused(refused))
      case .success(nil):
        guard let stored = state.stored else { throw .fault(reason: "no stored migration to answer with") }
        return .rollBack(.replayed(stored))
      case .success(let needed?): needs = needed
      }
      try await loadCells(needs.cells, into: person, by: transaction)
      try await loadWhole(needs.wholeHabits, into: person, by: transaction)
      guard var changed = person.ledger.take() else { throw .noSuchUser }
      if case .failure(let refused) = await decider.merge(into: &changed) { return .rollBack(.refused(refused)) }
      person.ledger = changed
      try await finishChange(person, at: now, by: transaction)
      guard let merged = person.ledger else { throw .noSuchUser }
      let record: MergeRecord
      switch await decider.finish(merged) {
      case .failure(let refused): return .rollBack(.refused(refused))
      case .success(let decided): record = decided
      }
      if isPreview { return .rollBack(.previewed) }
      try await store(record, of: state.session, for: person, at: now, by: transaction)
      let waits = try await countCall(counts, isAlone: false, by: transaction)
      if waits.contains(where: { $0 > 0 }) { return .rollBack(.limited(waits)) }
      return .commit(.migrated)
    }
  }

  // MARK: Loading

  /// A user's state without cells; nil if there is none.
  func loadPerson(
    _ userID: Identifier, _ statement: Statement, by runner: some StatementRunner
  ) async throws(StoreError) -> PendingUser? {
    let person = PendingUser(userID, [], attempts: 0)
    let (epoch, limits) = (epoch, limits)
    let found = try await runner.row(statement, .identifier(userID)) { row throws(DatabaseError) in
      try row.ledger(Self.ledgerColumns, epoch: epoch, limits: limits)
    }
    guard var ledger = found else { return nil }
    person.changeNumberBefore = ledger.changeNumber
    let habits = try await runner.rows(Self.allHabits, .identifier(userID)) { row throws(DatabaseError) in
      (id: try row.identifier(Self.habitColumns[.habitID]), habit: try row.habitState(Self.habitColumns))
    }
    for (id, habit) in habits { ledger.load(habit: habit, id: id) }
    person.ledger = ledger
    return person
  }

  func loadCells(
    _ keys: [CellKey], into person: PendingUser, by runner: some StatementRunner
  ) async throws(StoreError) {
    // A bounded number of rows at a time: other calls go on in between.
    for start in stride(from: 0, to: keys.count, by: ApplyStatement.cellsPerPieceMax) {
      let some = keys[start..<min(start + ApplyStatement.cellsPerPieceMax, keys.count)]
      let cells = try await runner.rows(
        Self.cellSet, .identifier(person.userID), .identifiers(some.map(\.habitID)),
        .int32Array(some.map(\.day.number))
      ) { row throws(DatabaseError) in
        try row.cellEntry(Self.entryColumns)
      }
      for cell in cells { person.ledger?.load(cell: cell.state, key: cell.key) }
    }
  }

  private func loadWhole(
    _ habitIDs: [Identifier], into person: PendingUser, by runner: some StatementRunner
  ) async throws(StoreError) {
    guard !habitIDs.isEmpty else { return }
    let cells = try await runner.rows(Self.cellsOfHabits, .identifier(person.userID), .identifiers(habitIDs)) {
      row throws(DatabaseError) in try row.cellEntry(Self.entryColumns)
    }
    for cell in cells { person.ledger?.load(cell: cell.state, key: cell.key) }
  }

  private func migrationState(
    _ migrationID: Identifier, _ sessionID: Identifier, of userID: Identifier, _ ledger: PersonLedger,
    _ session: Statement, by runner: some StatementRunner
  ) async throws(StoreError) -> MigrationState {
    let found = try await runner.row(session, .identifier(sessionID)) { row throws(DatabaseError) in
      try row.session(Self.sessionColumns)
    }
    let migrations = try await runner.rows(
      Self.migrationsOfSession, .identifier(userID), .identifier(migrationID), .identifier(sessionID)
    ) { row throws(DatabaseError) in try row.migration(Self.migrationColumns) }
    return MigrationState(
      stored: migrations.first { $0.migrationID == migrationID }, session: found,
      earlier: migrations.filter { $0.sessionID == sessionID && $0.undoneAt == nil },
      habits: ledger.habits, changeNumber: ledger.changeNumber)
  }

  // MARK: Storing

  /// Reads the data about whole habits that the change needs, and gives the change its number.
  func finishChange(_ person: PendingUser, at now: Instant, by runner: some StatementRunner) async throws(StoreError) {
    try await LoadStatement.readFullHabits(person, by: runner)
    var randomness = SystemRandomNumberGenerator()
    person.ledger?.finishChange(now: now.wholeMilliseconds) {
      Identifier(high: randomness.next(), low: randomness.next())
    }
  }

  /// Stores a changed ledger, under the lock of its user's row.
  /// Once the transaction has committed, the user's devices are notified.
  func storeLedger(of person: PendingUser, at now: Instant, by runner: Transaction) async throws(StoreError) {
    // An empty session changes nothing but the number: later changes must have another one.
    guard let ledger = person.ledger, ledger.changeNumber != person.changeNumberBefore else { return }
    if let hint = person.hint {
      let relay = hints
      runner.onCommit { relay.send(hint) }
    }
    guard ledger.changes.cells.count > ApplyStatement.cellsPerPieceMax else {
      guard try await ApplyStatement([person], now: now).run(by: runner).contains(person.userID) else {
        throw .concurrentChange
      }
      return
    }
    let (userID, before) = (person.userID, person.changeNumberBefore)
    let pieces = await offload { ApplyStatement.pieces(of: userID, ledger, changeNumberBefore: before) }
    for (place, piece) in pieces.enumerated() {
      let stored = try await piece.run(by: runner)
      guard place > 0 || stored.contains(userID) else { throw .concurrentChange }
    }
  }

  private func store(
    _ record: MergeRecord, of session: SessionRecord?, for person: PendingUser, at now: Instant,
    by transaction: Transaction
  ) async throws(StoreError) {
    let (userID, migration) = (person.userID, record.migration)
    // A session that is in this account already keeps its first migration.
    if session == nil || session?.claimedBy == nil {
      let claimed =
        session == nil
        ? try await transaction.execute(
          Self.insertingClaimed(migration, secretHash: record.sessionSecretHash, by: userID, at: now))
        : try await transaction.execute(
          Self.claimSession, .identifier(migration.sessionID), .identifier(userID),
          .identifier(migration.migrationID), .instant(now))
      guard claimed == 1 else { throw .concurrentChange }
    }
    for habit in person.ledger?.changes.renamedHabits ?? [] {
      for statement in [Self.renameCells, Self.renameHistory, Self.renameNotices] {
        try await transaction.execute(
          statement, .identifier(userID), .identifier(habit.formerID), .identifier(habit.habitID))
      }
    }
    for habit in person.ledger?.changes.joinedHabits ?? [] {
      let ids = [PostgresValue.identifier(userID), .identifier(habit.formerID), .identifier(habit.habitID)]
      try await transaction.execute(Self.removeJoinedCells, ids[0], ids[1])
      try await transaction.execute(Self.joinHistory, ids[0], ids[1], ids[2])
      try await transaction.execute(
        Self.joinNotices, ids[0], ids[1], ids[2], .int64(person.ledger?.changeNumber ?? 0))
    }
    try await storeLedger(of: person, at: now, by: transaction)
    var batch = Batch()
    Self.add(record, of: userID, to: &batch)
    batch.append(Self.recordingAudit(record.auditEvent))
    try await transaction.execute(batch)
  }

  /// Adds a migration and its rejected entries.
  static func add(_ record: MergeRecord, of userID: Identifier, to batch: inout Batch) {
    let migration = record.migration
    if !record.rejected.isEmpty {
      batch.append(insertingRejected(record.rejected, of: userID))
    }
    batch.append(insertingRecord(migration, of: userID))
  }
}

extension StreakStore {
  /// Changes a person's ledger, a large change in the thread pool.
  func change<Value: Sendable>(
    _ person: PendingUser, isLarge: Bool, _ body: @escaping @Sendable (inout PersonLedger) -> Value
  ) async -> Value? {
    guard isLarge else { return person.change(body) }
    guard let before = person.ledger.take() else { return nil }
    let (changed, value) = await offload { () -> (PersonLedger, Value) in
      var ledger = before
      let value = body(&ledger)
      return (ledger, value)
    }
    person.ledger = changed
    return value
  }
}

extension PendingUser {
  /// Changes the ledger while it is unique, so that nothing is copied.
  func change<Value>(_ body: (inout PersonLedger) -> Value) -> Value? {
    guard var changed = ledger else { return nil }
    ledger = nil
    defer { ledger = changed }
    return body(&changed)
  }
}
