internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Converts a document's records into the data that is imported.
struct ImportBuilder {
  /// The most refused records that a reply lists.
  static let refusedRecordsMax = 100

  private var saved: SavedLedgerBuilder
  private var document: PersonImport
  private var leftOut: Set<ExportDocument.Section> = []
  private var refused: [RefusedRecord] = []
  private var refusedCount = 0

  init(importID: Identifier, at now: Instant) {
    saved = SavedLedgerBuilder(at: now)
    document = PersonImport(importID: importID)
  }

  mutating func add(_ record: ExportRecord.Record) throws(RPCStatus) {
    try saved.countRecord()
    switch record {
    case .header, .manifest: break
    case .account(let account):
      addIfValid(.account) { builder throws(RPCStatus) in try builder.saved.add(account) }
    case .device: leftOut.insert(.devices)
    case .migration: leftOut.insert(.migrations)
    case .auditEvent: leftOut.insert(.audit)
    case .habit(let habit): try saved.add(habit)
    case .cell(let exported): try saved.add(exported.cell ?? Cell())
    case .earlierCell(let exported):
      addIfValid(.history) { builder throws(RPCStatus) in
        builder.document.history.append(try builder.earlierCell(exported))
      }
    case .rejection(let rejection):
      addIfValid(.rejectedEntries) { builder throws(RPCStatus) in try builder.add(rejection) }
    case .rejectedOperation(let rejected):
      addIfValid(.rejectedOperations) { builder throws(RPCStatus) in try builder.add(rejected) }
    case .notice(let notice): addIfValid(.notices) { builder throws(RPCStatus) in try builder.add(notice) }
    }
  }

  /// Adds a record beside the habits and their days: one that breaks a rule is left out, and the
  /// rest comes.
  private mutating func addIfValid(
    _ section: ExportDocument.Section, _ add: (inout ImportBuilder) throws(RPCStatus) -> Void
  ) {
    do throws(RPCStatus) { try add(&self) } catch {
      refusedCount += 1
      guard refused.count < Self.refusedRecordsMax else { return }
      let violation = error.detail(GoogleRPCBadRequest.self)?.fieldViolations.first
      // The path begins with the record's place in the document, which is a field of its own.
      let path = violation.map { $0.field.split(separator: ".", maxSplits: 1).last ?? "" } ?? ""
      refused.append(
        RefusedRecord(
          section: DocumentSection(section), record: Int64(saved.recordCount), field: String(path),
          requirement: violation?.description ?? error.message))
    }
  }

  /// Finishes the import.
  ///
  /// - Parameters:
  ///   - sealedHash: The hash of a document that this service sealed and that was imported into no
  ///     account yet.
  ///   - firstDay: The account's first date.
  /// - Returns: The data to be stored, and the reply.
  mutating func finish(sealedHash: [UInt8]?, firstDay: Day) -> (PersonImport, ImportResponse) {
    let demoted = sealedHash == nil ? saved.demoteDays(firstDay: firstDay) : 0
    document.sealedHash = sealedHash
    document.ledger = saved.ledger
    document.highestVersion = saved.highestVersion
    let reply = ImportResponse(
      habitCount: Int32(clamping: saved.ledger.habits.count), cellCount: Int32(clamping: saved.ledger.cells.count),
      demotedCount: Int32(clamping: demoted), sealed: sealedHash != nil,
      sectionsLeftOut: ExportDocument.Section.allCases.filter(leftOut.contains).map { DocumentSection($0) },
      refusedRecords: refused, refusedCount: Int32(clamping: refusedCount))
    return (document, reply)
  }

  /// The statement of an earlier state is that of the migration that brought it, or of this import.
  private mutating func earlierCell(_ exported: ExportedCell) throws(RPCStatus) -> EarlierCellEntry {
    let cell = try saved.check(exported.cell ?? Cell())
    let id = cell.migrationID.map { StatementID(.migration, $0) } ?? StatementID(.document, document.importID)
    let state = CellState(
      cell: cell.cell, version: cell.version, stamp: Stamp(time: .zero, id: id), clientTime: cell.clientTime,
      recordedAt: cell.recordedAt)
    return EarlierCellEntry(
      entry: CellEntry(key: cell.key, state: state),
      noteHash: try saved.reading("earlier_cell") { () throws(InvalidField) in try exported.checkedNoteHash() })
  }

  private mutating func add(_ rejection: ExportedRejection) throws(RPCStatus) {
    document.rejectedEntries.append(
      try saved.reading("rejection") { () throws(InvalidField) in try StreakDomain.RejectedEntry(record: rejection) })
  }

  private mutating func add(_ message: Schema.RejectedOperation) throws(RPCStatus) {
    let rejected = try saved.reading("rejected_operation") { () throws(InvalidField) in
      try StreakDomain.RejectedOperation(record: message)
    }
    guard rejected.operation?.count ?? 0 <= QueuedOperation.keptBytesMax else {
      throw saved.refusal("the operation is too large")
    }
    document.rejectedOperations.append(rejected)
  }

  private mutating func add(_ notice: Schema.Notice) throws(RPCStatus) {
    let (id, converted) = try saved.reading("notice") { () throws(InvalidField) in
      (try Identifier(field: notice.noticeId, path: "notice_id"), try StreakDomain.Notice(record: notice))
    }
    guard saved.hasHabit(converted.habitID) else { throw saved.refusal("the notice's habit is not there") }
    saved.noteVersion(converted.version)
    document.notices.append((id, converted))
  }
}
