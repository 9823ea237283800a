internal import Cryptography
internal import Postgres
public import StreakDomain

extension StreakStore {
  private static let readSecret = Statement(.read, "SELECT secret FROM export_secret")

  /// What exported documents are sealed with: this database's own.
  public func exportSecret() async throws(StoreError) -> [UInt8] {
    let secret = try await database.row(Self.readSecret) { row throws(DatabaseError) in try row.bytes(0) }
    guard let secret else { throw .fault(reason: "no secret for exports") }
    return secret
  }

  private static let importReply = Statement(
    .read, "SELECT result FROM imports WHERE user_id = $1 AND import_id = $2")

  /// The reply to an import that was done; nil if there was none.
  public func importReply(_ importID: Identifier, of userID: Identifier) async throws(StoreError) -> [UInt8]? {
    try await database.row(Self.importReply, .identifier(userID), .identifier(importID)) { row throws(DatabaseError) in
      try row.bytes(0)
    }
  }

  private static let isInUse = Statement(
    .read,
    """
    SELECT EXISTS (SELECT FROM habits WHERE user_id = $1) OR EXISTS (SELECT FROM cells WHERE user_id = $1)
      OR EXISTS (SELECT FROM notices WHERE user_id = $1) OR EXISTS (SELECT FROM migrations WHERE user_id = $1)
      OR EXISTS (SELECT FROM rejected_entries WHERE user_id = $1) OR EXISTS (SELECT FROM imports WHERE user_id = $1)
    """)

  private static let insertImport = Statement(
    .write, "INSERT INTO imports (user_id, import_id, result, imported_at) VALUES ($1, $2, $3, $4)")

  private static let documentIsClaimed = Statement(
    .read, "SELECT EXISTS (SELECT FROM claimed_documents WHERE document_hash = $1)")

  /// Whether a sealed document came into an account already: it counts once.
  public func isDocumentClaimed(_ hash: [UInt8]) async throws(StoreError) -> Bool {
    try await database.row(Self.documentIsClaimed, .bytes(hash)) { row throws(DatabaseError) in try row.bool(0) }
      ?? false
  }

  private static let insertHistory = Statement(
    .write,
    """
    INSERT INTO cell_history (
      user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone, utc_offset_seconds,
      day_start_minutes, recorded_at, source_id, seq, note_hash, changed_time)
    SELECT $1, *, 0 FROM unnest(
      $2::uuid[], $3::integer[], $4::boolean[], $5::text[], $6::smallint[], $7::bigint[], $8::timestamptz[], $9::text[],
      $10::integer[], $11::integer[], $12::timestamptz[], $13::uuid[], $14::bigint[], $15::bytea[])
    ON CONFLICT DO NOTHING
    """)

  private static let claimDocument = Statement(
    .write,
    """
    INSERT INTO claimed_documents (document_hash, user_id, import_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
    """)

  private static let insertImportedRejections = Statement(
    .write,
    """
    INSERT INTO rejected_entries (
      user_id, migration_id, entry_id, entry_index, habit_id, day, done, note, occurred_at, zone, utc_offset_seconds,
      day_start_minutes, reason, rejected_at, note_hash)
    SELECT $1, * FROM unnest(
      $2::uuid[], $3::uuid[], $4::integer[], $5::uuid[], $6::integer[], $7::boolean[], $8::text[], $9::timestamptz[],
      $10::text[], $11::integer[], $12::integer[], $13::integer[], $14::timestamptz[], $15::bytea[])
    ON CONFLICT DO NOTHING
    """)

  private static let insertImportedOperations = Statement(
    .write,
    """
    INSERT INTO rejected_operations (user_id, device_id, seq, operation, reason, rejected_at, payload_hash)
    SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::bytea[], $5::integer[], $6::timestamptz[], $7::bytea[])
    ON CONFLICT DO NOTHING
    """)

  /// Brings a document into an account that holds nothing: data, stored reply and audit event in
  /// one transaction, or nothing.
  ///
  /// - Parameter reply: Makes the reply from the number of the change.
  public func take(
    _ document: PersonImport, into userID: Identifier, at now: Moment, audit event: AuditEventRecord,
    reply: (_ changeNumber: Int64) -> [UInt8]
  ) async throws(StoreError) -> ImportOutcome {
    try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await insert(document, into: userID, at: now, audit: event, reply: reply)
    }
  }

  private func insert(
    _ document: PersonImport, into userID: Identifier, at now: Moment, audit event: AuditEventRecord,
    reply: (_ changeNumber: Int64) -> [UInt8]
  ) async throws(StoreError) -> ImportOutcome {
    try await transaction { transaction throws(StoreError) in
      guard let person = try await loadPerson(userID, Self.lockedPerson, by: transaction) else { throw .noSuchUser }
      let stored = try await transaction.row(
        Self.importReply, .identifier(userID), .identifier(document.importID)
      ) { row throws(DatabaseError) in try row.bytes(0) }
      if let stored { return .rollBack(.imported(stored)) }
      let isInUse = try await transaction.row(Self.isInUse, .identifier(userID)) { row throws(DatabaseError) in
        try row.bool(0)
      }
      guard isInUse == false else { return .rollBack(.notEmpty) }
      // A sealed document's days count as they did, in the account that takes it first.
      if let hash = document.sealedHash {
        let claimed = try await transaction.execute(
          Self.claimDocument, .bytes(hash), .identifier(userID), .identifier(document.importID))
        guard claimed == 1 else { throw StoreError.concurrentChange }
      }
      let isLarge = document.ledger.cells.count + document.history.count > LedgerStore.cellsPerPieceMax
      let fits = await change(person, isLarge: isLarge) { ledger in
        ledger.takeAll(
          of: document.ledger, by: StatementID(.document, document.importID), isExempt: document.sealedHash != nil,
          notices: document.notices, above: document.highestVersion, now: now.milliseconds)
      }
      guard fits == true else { return .rollBack(.habitLimit) }
      let history = await change(person, isLarge: isLarge) { $0.takeHistory(document.history) } ?? []
      let fitsQuotas = person.change { ledger in
        ledger.isWithinTextQuota && document.inboxBytes.allSatisfy { ledger.takeIntoInbox($0) }
      }
      guard fitsQuotas == true else { return .rollBack(.tooLarge) }
      try await settle(person, at: now, by: transaction)
      try await storeLedger(of: person, at: now, by: transaction)
      try await Self.insert(document, history, of: userID, by: transaction)
      let result = reply(person.ledger?.changeNumber ?? 0)
      try await transaction.execute(
        Self.insertImport, .identifier(userID), .identifier(document.importID), .bytes(result), .moment(now))
      try await Self.recordAudit(event, by: transaction)
      return .commit(.imported(result))
    }
  }

  private static func insert(
    _ document: PersonImport, _ cells: [CellRecord], of userID: Identifier, by transaction: Transaction
  ) async throws(StoreError) {
    if !cells.isEmpty {
      try await transaction.execute(
        insertHistory, .identifier(userID), .identifiers(cells.map(\.habitID)), .int32Array(cells.map(\.day)),
        .boolArray(cells.map(\.done)), .stringArray(cells.map(\.note)),
        .int16Array(cells.map { Int16(clamping: $0.quarantineReason) }), .int64Array(cells.map(\.version)),
        .moments(cells.map(\.made.occurredAt)), .stringArray(cells.map(\.made.zone)),
        .int32Array(cells.map(\.made.utcOffsetSeconds)), .int32Array(cells.map(\.made.dayStartMinutes)),
        .moments(cells.map(\.recordedAt)), .identifiers(cells.map { $0.migrationID ?? document.importID }),
        .int64Array(
          cells.map { ($0.migrationID == nil ? StatementID.Bulk.document : .migration).rawValue }),
        .bytesArray(cells.map(\.noteHash)))
    }
    let entries = document.rejectedEntries
    if !entries.isEmpty {
      try await transaction.execute(
        insertImportedRejections, .identifier(userID), .uuidArray(entries.map { $0.migrationID?.uuid }),
        .identifiers(entries.map(\.entryID)), .int32Array(entries.map(\.index)),
        .identifiers(entries.map(\.habitID)), .int32Array(entries.map(\.day)), .boolArray(entries.map(\.done)),
        .stringArray(entries.map(\.note)), .moments(entries.map(\.made.occurredAt)),
        .stringArray(entries.map(\.made.zone)), .int32Array(entries.map(\.made.utcOffsetSeconds)),
        .int32Array(entries.map(\.made.dayStartMinutes)), .int32Array(entries.map(\.reason)),
        .moments(entries.map(\.rejectedAt)), .bytesArray(entries.map(\.noteHash)))
    }
    let operations = document.rejectedOperations
    if !operations.isEmpty {
      try await transaction.execute(
        insertImportedOperations, .identifier(userID), .identifiers(operations.map(\.deviceID)),
        .int64Array(operations.map(\.seq)), .bytesArray(operations.map(\.operation)),
        .int32Array(operations.map(\.reason)), .moments(operations.map(\.rejectedAt)),
        .bytesArray(operations.map(\.payloadHash)))
    }
  }
}

extension PersonLedger {
  /// Counts a document's earlier states, the latest first: beyond the quota the earliest notes are
  /// left out but for their hashes.
  fileprivate mutating func takeHistory(_ cells: [CellRecord]) -> [CellRecord] {
    var kept = cells.sorted { $1.version < $0.version }
    for index in kept.indices where !takeIntoHistory(note: kept[index].note) {
      kept[index].noteHash = SHA256.digest(of: Array(kept[index].note.utf8))
      kept[index].note = ""
    }
    return kept
  }
}

extension PersonImport {
  /// What each entry of its inbox takes.
  fileprivate var inboxBytes: [Int] {
    rejectedEntries.map(\.note.utf8.count) + rejectedOperations.map { $0.operation?.count ?? 0 }
  }
}
