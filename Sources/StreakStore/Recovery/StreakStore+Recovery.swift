internal import Cryptography
internal import Postgres
public import StreakDomain

extension StreakStore {
  /// How long a recovery waits for the key's holder and the person, in days.
  public static let recoveriesKeptDays: Int64 = 30

  /// Bytes of a backup's records of one person that are read on the loop itself.
  static let recordsBytesAtOnceMax = 65_536

  /// The stages in which a recovery waits, for SQL.
  static let openStages = list([.requested, .ready])

  private static func list(_ stages: [RecoveryStage]) -> String {
    stages.map { "\($0.rawValue)" }.joined(separator: ", ")
  }

  private static let columns = Selection(RecoveryColumn.record)
  private static let one = Statement(
    .read, "SELECT \(columns.list()) FROM recoveries WHERE user_id = $1 AND recovery_id = $2")
  private static let hasOpen = Statement(
    .read, "SELECT EXISTS (SELECT FROM recoveries WHERE user_id = $1 AND state IN (\(openStages)))")
  private static let insertRecovery = Statement(
    .write,
    """
    INSERT INTO recoveries (\(columns.list()))
    VALUES (\(columns.columns.parameters()))
    """)

  /// Stores a person's request.
  ///
  /// - Returns: The recovery, perhaps of an earlier request with the same id; nil if another one is
  ///   open.
  public func request(_ recovery: RecoveryRecord) async throws(StoreError) -> RecoveryRecord? {
    await whileFree(.person(recovery.userID))
    return try await transaction { transaction throws(StoreError) in
      guard try await transaction.execute(Self.lockHead, .identifier(recovery.userID)) == 1 else {
        throw .noSuchUser
      }
      let known = try await transaction.row(
        Self.one, .identifier(recovery.userID), .identifier(recovery.recoveryID)
      ) { row throws(DatabaseError) in try row.recovery(Self.columns) }
      if let known { return .rollBack(known) }
      let hasOpen = try await transaction.row(Self.hasOpen, .identifier(recovery.userID)) { row throws(DatabaseError) in
        try row.bool(0)
      }
      guard hasOpen == false else { return .rollBack(nil) }
      try await transaction.execute(
        BoundStatement(statement: Self.insertRecovery, parameters: Self.columns.columns.map { $0.value(recovery) }))
      return .commit(recovery)
    }
  }

  private static let listOwn = Statement(
    .read,
    "SELECT \(columns.list()) FROM recoveries WHERE user_id = $1 ORDER BY requested_at DESC, recovery_id LIMIT $2")
  private static let listOpen = Statement(
    .read,
    """
    SELECT \(columns.list()) FROM recoveries WHERE state = \(RecoveryStage.requested.rawValue)
    ORDER BY requested_at, recovery_id LIMIT $1
    """)

  /// A person's recoveries, latest first.
  public func recoveries(of userID: Identifier, countMax: Int32) async throws(StoreError) -> [RecoveryRecord] {
    try await database.rows(Self.listOwn, .identifier(userID), .int32(countMax)) { row throws(DatabaseError) in
      try row.recovery(Self.columns)
    }
  }

  /// Recoveries of all users that wait for the key's holder, oldest first.
  public func recoveryRequests(countMax: Int32) async throws(StoreError) -> [RecoveryRecord] {
    try await database.rows(Self.listOpen, .int32(countMax)) { row throws(DatabaseError) in
      try row.recovery(Self.columns)
    }
  }

  private static let fulfil = Statement(
    .write,
    """
    UPDATE recoveries SET state = $3, failure = $4, records = $5
    WHERE user_id = $1 AND recovery_id = $2 AND state = \(RecoveryStage.requested.rawValue)
    """)

  /// Fulfils a waiting recovery with the backup's data, or with the reason why it is not possible.
  ///
  /// - Returns: The recovery as it was; nil if there is none.
  public func fulfil(
    _ recoveryID: Identifier, of userID: Identifier, records: [UInt8]?, failure: String
  ) async throws(StoreError) -> RecoveryRecord? {
    let stage: RecoveryStage = records == nil ? .failed : .ready
    let known = try await database.row(Self.one, .identifier(userID), .identifier(recoveryID)) {
      row throws(DatabaseError) in try row.recovery(Self.columns)
    }
    guard let known, known.stage == .requested else { return known }
    let stored = try await database.execute(
      Self.fulfil, .identifier(userID), .identifier(recoveryID), .int16(stage.rawValue), .string(failure),
      .bytes(records))
    guard stored == 1 else { throw .concurrentChange }
    return known
  }

  private static let cancel = Statement(
    .write,
    """
    UPDATE recoveries SET state = \(RecoveryStage.cancelled.rawValue), records = NULL
    WHERE user_id = $1 AND recovery_id = $2 AND state IN (\(list([.requested, .ready, .cancelled, .failed])))
    """)

  /// Cancels a recovery.
  ///
  /// - Returns: Whether it could be cancelled; nil if there is none.
  public func cancelRecovery(_ recoveryID: Identifier, of userID: Identifier) async throws(StoreError) -> Bool? {
    if try await database.execute(Self.cancel, .identifier(userID), .identifier(recoveryID)) == 1 { return true }
    let known = try await database.row(Self.one, .identifier(userID), .identifier(recoveryID)) {
      row throws(DatabaseError) in try row.recovery(Self.columns)
    }
    return known == nil ? nil : false
  }

  // MARK: Merging

  private static let mergeColumns = Selection(RecoveryColumn.merge)
  private static let openRecords = Statement(
    .read, "SELECT \(mergeColumns.list()) FROM recoveries WHERE user_id = $1 AND recovery_id = $2")
  private static let merged = Statement(
    .write,
    """
    UPDATE recoveries SET state = \(RecoveryStage.merged.rawValue), records = NULL, result = $3
    WHERE user_id = $1 AND recovery_id = $2 AND state = \(RecoveryStage.ready.rawValue)
    """)
  /// Merges a fulfilled recovery into the account: data, stored reply and audit event in one
  /// transaction, or nothing.
  ///
  /// - Parameters:
  ///   - isPreview: Decides on one consistent state and stores nothing.
  ///   - saved: Reads the backup's data; nil if it cannot.
  ///   - reply: Receives the plan, and makes the reply from it.
  public func recover<Refused: Error & Sendable>(
    _ recoveryID: Identifier, of userID: Identifier, isPreview: Bool, at now: Instant, audit event: AuditEventRecord?,
    saved: @escaping @Sendable ([UInt8]) -> SavedLedger?, reply: (RecoveryPlan) -> Result<[UInt8], Refused>
  ) async throws(StoreError) -> RecoverOutcome<Refused> {
    try await inTurn(of: isPreview ? [] : [.person(userID)]) { () throws(StoreError) in
      try await decide(recoveryID, of: userID, isPreview: isPreview, at: now, audit: event, saved: saved, reply: reply)
    }
  }

  private func decide<Refused: Error & Sendable>(
    _ recoveryID: Identifier, of userID: Identifier, isPreview: Bool, at now: Instant, audit event: AuditEventRecord?,
    saved: @escaping @Sendable ([UInt8]) -> SavedLedger?, reply: (RecoveryPlan) -> Result<[UInt8], Refused>
  ) async throws(StoreError) -> RecoverOutcome<Refused> {
    try await transaction(isPreview ? .snapshot : .readCommitted) { transaction throws(StoreError) in
      let statement = isPreview ? Self.person : Self.lockedPerson
      guard let person = try await loadPerson(userID, statement, by: transaction) else { throw .noSuchUser }
      let found = try await transaction.row(
        Self.openRecords, .identifier(userID), .identifier(recoveryID)
      ) { row throws(DatabaseError) in
        (
          stage: try row.known(Self.mergeColumns[.state]) as RecoveryStage,
          records: try row.bytesOrNull(Self.mergeColumns[.records]),
          result: try row.bytesOrNull(Self.mergeColumns[.result])
        )
      }
      guard let found else { return .rollBack(.notFound) }
      if found.stage == .merged, !isPreview, let result = found.result { return .rollBack(.replayed(result)) }
      guard found.stage == .ready, let records = found.records else { return .rollBack(.notReady) }
      let isLarge = records.count > Self.recordsBytesAtOnceMax
      guard let saved = isLarge ? await offload({ saved(records) }) : saved(records) else {
        throw .fault(reason: "a recovery's records cannot be read")
      }
      try await recount(person, by: transaction)
      // A habit may have another id since the backup.
      try await loadCells(person.ledger?.cellKeys(of: saved) ?? [], into: person, by: transaction)
      let before = person.changeNumberBefore
      let merged = await change(person, isLarge: isLarge) { ledger in
        ledger.restore(saved, by: StatementID(.recovery, recoveryID), isExempt: true, now: now.wholeMilliseconds)
      }
      guard let habits = merged ?? nil else { return .rollBack(.habitLimit) }
      try await finishChange(person, at: now, by: transaction)
      guard let ledger = person.ledger else { throw .noSuchUser }
      let plan = RecoveryPlan(
        habits: habits, ledger: ledger, hash: Self.planHash(before, records),
        changeNumber: ledger.changeNumber == before ? 0 : ledger.changeNumber)
      let result: [UInt8]
      switch reply(plan) {
      case .failure(let refused): return .rollBack(.refused(refused))
      case .success(let made): result = made
      }
      if isPreview { return .rollBack(.done(result)) }
      try await storeLedger(of: person, at: now, by: transaction)
      let stored = try await transaction.execute(
        Self.merged, .identifier(userID), .identifier(recoveryID), .bytes(result))
      guard stored == 1 else { throw .concurrentChange }
      if let event { try await Self.recordAudit(event, by: transaction) }
      return .commit(.done(result))
    }
  }

  private static let countedCells = CursorStatement(
    "SELECT \(entryColumns.list()) FROM cells WHERE user_id = $1 ORDER BY habit_id, day", rowsPerChunk: exportChunkRows)

  /// Recounts the stored cells, a bounded number of rows at a time: before a recovery, rows may
  /// have been deleted by other programs.
  private func recount(_ person: PendingUser, by transaction: Transaction) async throws(StoreError) {
    var counts: [Identifier: (cellsDigest: StateDigest, summary: StreakSummary, earlyDays: Int)] = [:]
    let firstDay = person.ledger?.firstDay ?? Day.earliest
    var earlyDays = 0
    var (current, digest): (Identifier?, StateDigest) = (nil, .empty)
    var days: [Day] = []
    func close() {
      if let current { counts[current] = (digest, StreakSummary(countedDays: days), earlyDays) }
      (digest, days, earlyDays) = (.empty, [], 0)
    }
    do throws(DatabaseError) {
      try await transaction.open(Self.countedCells, .identifier(person.userID))
      while true {
        let rows = try await transaction.nextChunk(Self.countedCells).map { row throws(DatabaseError) in
          try row.cellEntry(Self.entryColumns)
        }
        guard !rows.isEmpty else { break }
        for row in rows {
          let (key, cell) = (row.key, row.state)
          if key.habitID != current {
            close()
            current = key.habitID
          }
          digest += CellState.itemDigest(key, cell.cell)
          if cell.cell.counts { days.append(key.day) }
          if key.day < firstDay, cell.countsAsNew { earlyDays += 1 }
        }
      }
      try await transaction.close(Self.countedCells)
    } catch {
      throw StoreError(error)
    }
    close()
    let found = counts
    _ = person.change { $0.recount(found) }
  }

  private static func planHash(_ changeNumber: Int64, _ records: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(Array("streak.v1.recovery.1".utf8))
    hash.update([UInt8](bigEndian: changeNumber))
    hash.update(records)
    return hash.digest()
  }
}
