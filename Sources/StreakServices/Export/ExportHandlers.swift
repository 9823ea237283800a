internal import Cryptography
internal import EventLoop
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Sends a person all of the person's data, and imports it.
struct ExportHandlers: ExportService {
  /// A chunk is sent once it has this many bytes; it may be larger by `rowsPerPiece` records.
  static let chunkBytes = 64 * 1024
  /// The number of records between two checks of the chunk's size.
  static let rowsPerPiece = 16

  let store: StreakStore
  let limits: ExportLimits
  let exports: TransferSlots
  /// Separate from exports: neither waits for the other.
  let imports: TransferSlots
  let people: TransferringPeople
  let limiter: RateLimiter

  func export(
    _ request: ExportRequest, responses: ResponseWriter<ExportResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    let principal = try context.user()
    var resumption = try request.resume.map { resume throws(RPCStatus) in try ExportResumption(resume) }
    try await take(principal.userID, exports, .exports, context)
    defer { give(principal.userID, exports) }
    context.offerCompression()
    context.limitTime(milliseconds: UInt64(limits.secondsMax) * 1000, Reason.exportTooSlow.status)
    let pace = TransferPace(context, limits: limits, meter: limiter.meter)
    var sentByteCount = 0
    let secret = store.serverKey.key(for: ExportSeal.purpose).exposed
    var document: ExportDocument?
    var failure: RPCStatus?
    func send(_ document: inout ExportDocument) async throws(RPCStatus) {
      let bytes = document.takeBytes()
      let chunk = try resumption?.withoutKnown(bytes) ?? bytes
      guard !chunk.isEmpty else { return }
      try await pace.waiting(byteCount: sentByteCount) { () throws(RPCStatus) in
        try await responses.write(ExportResponse(chunk: chunk))
      }
      sentByteCount += chunk.count
    }
    var end = ExportEnd.busy
    try await waitForTurn(context) { () throws(RPCStatus) in
      end = try await mappingStoreErrors { () throws(StoreError) in
        try await store.export(of: principal.userID, at: .now(), resuming: resumption?.snapshot) { snapshot in
          do throws(RPCStatus) {
            document = try ExportDocument(
              isBinary: request.format == .binary, userID: principal.userID, at: snapshot.exportedAt, secret: secret)
            try await responses.write(ExportResponse(snapshot: snapshot.bytes))
            return true
          } catch {
            failure = error
            return false
          }
        } _: { rows in
          guard var writing = document else { return false }
          document = nil  // The copy is the only one: nothing is copied when it grows.
          defer { document = writing }
          do throws(RPCStatus) {
            for rows in rows.inPieces(of: Self.rowsPerPiece) {
              try Self.add(rows, to: &writing)
              if writing.pendingByteCount >= Self.chunkBytes || writing.isBeginning { try await send(&writing) }
            }
            return true
          } catch {
            failure = error
            return false
          }
        }
      }
      return end != .busy
    }
    if let failure { throw failure }
    if end == .changed { throw Reason.exportChanged.status }
    guard end == .complete, var document else { throw Reason.internalFault.status }
    // If the account was erased meanwhile, the call says so: the data is gone, and only this
    // snapshot still had it.
    if try await mappingStoreErrors({ () throws(StoreError) in try await store.isErased(principal.userID) }) {
      throw Reason.accountErased.status
    }
    let manifest = try document.finish()
    try await send(&document)
    if let resumption, !resumption.isComplete { throw Reason.exportChanged.status }
    try await responses.write(ExportResponse(manifest: manifest))
  }

  /// Waits until an attempt to begin a person's transfer succeeds.
  /// - Throws: `TOO_MANY_REQUESTS`, and what the attempt throws.
  private func waitForTurn(
    _ context: ServerContext, _ attempt: () async throws(RPCStatus) -> Bool
  ) async throws(RPCStatus) {
    let isTaken = try await TransferTurn.take(attempt) {
      await context.loop.sleep(milliseconds: TransferTurn.waitMilliseconds)
    }
    guard !isTaken else { return }
    limiter.meter.count(.transfersPerPerson)
    throw Reason.tooManyRequests.status
  }

  /// Takes a slot for a person's transfer; `give(_:_:)` must follow.
  /// - Throws: `TOO_MANY_REQUESTS`.
  func take(
    _ userID: Identifier, _ slots: TransferSlots, _ limit: ServiceLimit, _ context: ServerContext
  ) async throws(RPCStatus) {
    try await waitForTurn(context) { () throws(RPCStatus) in people.take(userID) }
    guard slots.take() else {
      people.give(userID)
      limiter.meter.count(limit)
      throw Reason.tooManyRequests.status
    }
  }

  func give(_ userID: Identifier, _ slots: TransferSlots) {
    slots.give()
    people.give(userID)
  }

  private static func add(_ rows: ExportedRows, to document: inout ExportDocument) throws(RPCStatus) {
    switch rows {
    case .account(let user, let habitCount, let dayStartMinutes):
      var account = Account(user, habitCount: habitCount)
      account.dayStartMinutes = dayStartMinutes
      try document.add(account, as: .account(account), to: .account)
    case .devices(let records):
      for record in records {
        let device = ExportedDevice(record)
        try document.add(device, as: .device(device), to: .devices)
      }
    case .habits(let records):
      for record in records {
        let habit = Habit(record: record)
        try document.add(habit, as: .habit(habit), to: .habits)
      }
    case .cells(let records):
      for record in records {
        let cell = ExportedCell(Cell(record))
        try document.add(cell, as: .cell(cell), to: .ledger)
      }
    case .earlierCells(let records):
      for record in records {
        let cell = ExportedCell(Cell(record.entry), noteHash: record.noteHash)
        try document.add(cell, as: .earlierCell(cell), to: .history)
      }
    case .rejected(let records):
      for record in records {
        let rejection = ExportedRejection(record)
        try document.add(rejection, as: .rejection(rejection), to: .rejectedEntries)
      }
    case .rejectedOperations(let records):
      for record in records {
        let rejected = Schema.RejectedOperation(record)
        try document.add(rejected, as: .rejectedOperation(rejected), to: .rejectedOperations)
      }
    case .notices(let records):
      for record in records {
        let notice = Notice(record.id, record.notice)
        try document.add(notice, as: .notice(notice), to: .notices)
      }
    case .migrations(let records):
      for record in records {
        guard let migration = ExportedMigration(record) else { throw Reason.internalFault.status }
        try document.add(migration, as: .migration(migration), to: .migrations)
      }
    case .auditEvents(let records):
      for record in records {
        let event = AuditEvent(record)
        try document.add(event, as: .auditEvent(event), to: .audit)
      }
    }
  }
}

extension ExportedRows {
  /// The same rows in pieces of `count`.
  fileprivate func inPieces(of count: Int) -> [ExportedRows] {
    func cut<Row>(_ rows: [Row], _ wrap: ([Row]) -> ExportedRows) -> [ExportedRows] {
      stride(from: 0, to: rows.count, by: count).map { wrap(Array(rows[$0..<min($0 + count, rows.count)])) }
    }
    return switch self {
    case .account: [self]
    case .devices(let rows): cut(rows) { .devices($0) }
    case .habits(let rows): cut(rows) { .habits($0) }
    case .cells(let rows): cut(rows) { .cells($0) }
    case .earlierCells(let rows): cut(rows) { .earlierCells($0) }
    case .rejected(let rows): cut(rows) { .rejected($0) }
    case .rejectedOperations(let rows): cut(rows) { .rejectedOperations($0) }
    case .notices(let rows): cut(rows) { .notices($0) }
    case .migrations(let rows): cut(rows) { .migrations($0) }
    case .auditEvents(let rows): cut(rows) { .auditEvents($0) }
    }
  }
}
