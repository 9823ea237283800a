internal import Cryptography
internal import Postgres
public import StreakDomain

extension StreakStore {
  private static let importReply = Statement(
    .read, "SELECT result FROM imports WHERE user_id = $1 AND import_id = $2")

  /// The reply to an earlier import; nil if there was none.
  public func importReply(_ importID: Identifier, of userID: Identifier) async throws(StoreError) -> [UInt8]? {
    try await database.row(Self.importReply, .identifier(userID), .identifier(importID)) { row throws(DatabaseError) in
      try row.bytes(0)
    }
  }

  /// Whether there is data, and whether there is another import.
  private static let isInUse = Statement(
    .read,
    """
    SELECT EXISTS (SELECT FROM habits WHERE user_id = $1) OR EXISTS (SELECT FROM cells WHERE user_id = $1)
      OR EXISTS (SELECT FROM notices WHERE user_id = $1) OR EXISTS (SELECT FROM migrations WHERE user_id = $1)
      OR EXISTS (SELECT FROM rejected_entries WHERE user_id = $1), EXISTS (SELECT FROM imports WHERE user_id = $1)
    """)

  private static let documentIsClaimed = Statement(
    .read, "SELECT EXISTS (SELECT FROM claimed_documents WHERE document_hash = $1)")

  /// Whether a sealed document was imported into an account already: it counts once.
  public func isDocumentClaimed(_ hash: [UInt8]) async throws(StoreError) -> Bool {
    try await database.row(Self.documentIsClaimed, .bytes(hash)) { row throws(DatabaseError) in try row.bool(0) }
      ?? false
  }

  private static let importedHistory: [CellColumn] = CellColumn.shared + [.noteHash]
  private static let historyPart = ColumnarPart<ApplyStatement.CellRow>(
    importedHistory.map(\.written),
    "INSERT INTO cell_history (\(importedHistory.list())) SELECT w.* FROM SOURCE ON CONFLICT DO NOTHING")
  private static let insertHistory = historyPart.statement()

  private static let claimDocument = Statement(
    .write,
    """
    INSERT INTO claimed_documents (document_hash, user_id, import_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
    """)

  private static let insertEntries = RejectedEntryColumn.insertMissing.statement()

  private static let operationsPart = ColumnarPart<RejectedOperationRow>(
    RejectedOperationColumn.allCases.map(\.written),
    """
    INSERT INTO rejected_operations (\(RejectedOperationColumn.allCases.list())) SELECT w.* FROM SOURCE
    ON CONFLICT DO NOTHING
    """)
  private static let insertOperations = operationsPart.statement()

  /// Imports a document into an empty account, or into one that has lost this import and holds what
  /// devices have stated since: data, stored reply and audit event in one transaction, or nothing.
  ///
  /// - Parameter reply: Makes the reply from the number of the change.
  public func take(
    _ document: PersonImport, into userID: Identifier, at now: Instant, audit event: AuditEventRecord,
    reply: (_ changeNumber: Int64) -> [UInt8]
  ) async throws(StoreError) -> ImportOutcome {
    try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await insert(document, into: userID, at: now, audit: event, reply: reply)
    }
  }

  private func insert(
    _ document: PersonImport, into userID: Identifier, at now: Instant, audit event: AuditEventRecord,
    reply: (_ changeNumber: Int64) -> [UInt8]
  ) async throws(StoreError) -> ImportOutcome {
    guard document.isWithinLimits else { return .tooLarge }
    return try await transaction { transaction throws(StoreError) in
      guard let person = try await loadPerson(userID, Self.lockedPerson, by: transaction) else { throw .noSuchUser }
      let stored = try await transaction.row(
        Self.importReply, .identifier(userID), .identifier(document.importID)
      ) { row throws(DatabaseError) in try row.bytes(0) }
      if let stored { return .rollBack(.imported(stored)) }
      let found = try await transaction.row(Self.isInUse, .identifier(userID)) { row throws(DatabaseError) in
        (hasData: try row.bool(0), hasImport: try row.bool(1))
      }
      let id = StatementID(.document, document.importID)
      guard let found, !found.hasImport else { return .rollBack(.notEmpty) }
      if found.hasData {
        guard person.ledger?.hasLost(document.ledger, by: id) == true else { return .rollBack(.notEmpty) }
        try await loadCells(person.ledger?.cellKeys(of: document.ledger) ?? [], into: person, by: transaction)
        let habitIDs = person.ledger?.habitsWithActivity(of: document.ledger) ?? []
        try await LoadStatement.readActivity(of: habitIDs.map { (person, $0) }, by: transaction)
      }
      // A sealed document's days keep their status, in the first account that imports it.
      if let hash = document.sealedHash {
        let claimed = try await transaction.execute(
          Self.claimDocument, .bytes(hash), .identifier(userID), .identifier(document.importID))
        guard claimed == 1 else { throw StoreError.concurrentChange }
      }
      let isLarge =
        document.ledger.habits.count + document.ledger.cells.count + document.history.count
        > ApplyStatement.cellsPerPieceMax
      let fits = await change(person, isLarge: isLarge) { ledger in
        ledger.takeAll(
          of: document.ledger, by: id, isExempt: document.sealedHash != nil,
          notices: document.notices, above: document.highestVersion, now: now.wholeMilliseconds)
      }
      guard fits == true else { return .rollBack(.habitLimit) }
      let history = await change(person, isLarge: isLarge) { $0.takeHistory(document.history) } ?? []
      let fitsQuotas = person.change { ledger in
        ledger.isWithinTextQuota && document.inboxBytes.allSatisfy { ledger.takeIntoInbox($0) }
      }
      guard fitsQuotas == true else { return .rollBack(.tooLarge) }
      try await finishChange(person, at: now, by: transaction)
      try await storeLedger(of: person, at: now, by: transaction)
      try await Self.insert(document, history, of: userID, by: transaction)
      let result = reply(person.ledger?.changeNumber ?? 0)
      try await transaction.execute(
        ImportColumn.insert, .identifier(userID), .identifier(document.importID), .bytes(result), .instant(now))
      try await Self.recordAudit(event, by: transaction)
      return .commit(.imported(result))
    }
  }

  private static func insert(
    _ document: PersonImport, _ history: [EarlierCellEntry], of userID: Identifier, by transaction: Transaction
  ) async throws(StoreError) {
    if !history.isEmpty {
      let rows = history.map { earlier in
        ApplyStatement.CellRow(
          userID: userID, key: earlier.entry.key, state: earlier.entry.state, linkedVersion: 0,
          noteHash: earlier.noteHash)
      }
      try await transaction.execute(historyPart.bound(rows, to: insertHistory))
    }
    if !document.rejectedEntries.isEmpty {
      let rows = document.rejectedEntries.map { RejectedEntryRow(userID: userID, entry: $0) }
      try await transaction.execute(RejectedEntryColumn.insertMissing.bound(rows, to: insertEntries))
    }
    if !document.rejectedOperations.isEmpty {
      let rows = document.rejectedOperations.map { RejectedOperationRow(userID: userID, operation: $0) }
      try await transaction.execute(operationsPart.bound(rows, to: insertOperations))
    }
  }
}

extension PersonLedger {
  /// Counts a document's earlier states, the latest first: beyond the quota the earliest notes are
  /// replaced by their hashes.
  fileprivate mutating func takeHistory(_ entries: [EarlierCellEntry]) -> [EarlierCellEntry] {
    var kept = entries.sorted { $1.entry.state.version < $0.entry.state.version }
    for index in kept.indices {
      let note = kept[index].entry.state.cell.note
      guard !takeIntoHistory(note: note) else { continue }
      kept[index].noteHash = SHA256.digest(of: Array(note.utf8))
      kept[index].entry.state.cell.note = ""
    }
    return kept
  }
}

extension PersonImport {
  /// The bytes of each entry of its inbox.
  fileprivate var inboxBytes: [Int] {
    rejectedEntries.map(\.note.utf8.count) + rejectedOperations.map { $0.operation?.count ?? 0 }
  }
}
