internal import Glibc
package import Schema
internal import SchemaConversion
package import StreakDomain
internal import StreakStore

/// Extracts one user's habits and days from a backup. The backup is decrypted and unpacked once,
/// and not restored. Blocks its thread.
package struct AccountExtraction: Sendable {
  private let folder: BackupFolder
  private let identity: String
  private let signers: BackupSigners
  private let progress: Progress

  /// Bytes unpacked at a time.
  private static let chunkBytes = 1_048_576
  private static let tables: Set<String> = ["cells", "habits"]

  /// - Parameters:
  ///   - identity: The path of the file with the private key.
  ///   - signers: One of these must have signed the backup.
  package init(
    from folder: BackupFolder, identity: String, signers: BackupSigners, progress: Progress = Progress()
  ) {
    self.folder = folder
    self.identity = identity
    self.signers = signers
    self.progress = progress
  }

  /// - Returns: Habits by id, then days by habit and day; empty if the backup does not hold the
  ///   user.
  /// - Throws: `.refused` for a user in the erasure ledger.
  package func run(_ name: String, of userID: Identifier) throws(OperationsError) -> [ExportRecord] {
    signal(SIGPIPE, SIG_IGN)
    let backup = try Self.signed(folder, name, signers)
    guard try !folder.ledger.content(signedBy: signers).records.people.contains(where: { $0.userID == userID }) else {
      throw .refused("the account \(userID) was erased: nothing of it comes back")
    }
    progress.begin("extracting")
    let file = try UnpackedFile(try folder.dump(of: backup.name), identity: identity)
    var rows = CopyRows(of: Self.text(of: userID), tables: Self.tables)
    var habits: [HabitEntry] = []
    var cells: [SavedLedger.Cell] = []
    let scanned = Result { () throws(OperationsError) in
      try scan(file.output, &rows) { row throws(OperationsError) in
        switch row.table {
        case "habits": habits.append(try HabitEntry(row))
        default: cells.append(try SavedLedger.Cell(row))
        }
      }
    }
    // Programs that were stopped early fail; that failure means nothing.
    let isOver = rows.isOver
    if let failure = file.failure(sha256: backup.sha256, endedEarly: isOver) {
      throw .programFailed("\(backup.name): \(failure)")
    }
    try scanned.get()
    guard rows.isOver else { throw .damaged("\(backup.name) lacks the tables \(Self.tables.sorted())") }
    habits.sort { $0.id < $1.id }
    cells.sort { $0.key < $1.key }
    return habits.map { ExportRecord(record: .habit(Habit(record: $0))) }
      + cells.map { ExportRecord(record: .cell(ExportedCell(Cell($0)))) }
  }

  /// Not `.refused`, whose text the user gets: the operator has to repair it.
  private static func signed(
    _ folder: BackupFolder, _ name: String, _ signers: BackupSigners
  ) throws(OperationsError) -> Backup {
    do throws(OperationsError) {
      return try folder.backup(name, signedBy: signers)
    } catch .refused(let text) {
      throw .damaged(text)
    }
  }

  /// Passes whole lines to the search until its tables are complete.
  private func scan(
    _ source: Descriptor, _ rows: inout CopyRows, _ visit: (CopyRows.Row) throws(OperationsError) -> Void
  ) throws(OperationsError) {
    var buffer = [UInt8](repeating: 0, count: 2 * Self.chunkBytes)
    var filled = 0
    while !rows.isOver {
      let count = try source.read(into: &buffer, from: filled)
      guard count > 0 else { return }
      progress.addDump(count)
      let last = buffer[filled..<(filled + count)].lastIndex(of: UInt8(ascii: "\n"))
      filled += count
      if let last {
        try unsafe rows.take(buffer.span.bytes.extracting(first: last + 1), visit)
        let rest = filled - last - 1
        for index in 0..<rest { buffer[index] = buffer[last + 1 + index] }
        filled = rest
      } else if filled == buffer.count {
        guard buffer.count < CopyRows.lineBytesMax else { throw .damaged("a line of more than \(buffer.count) bytes") }
        buffer += [UInt8](repeating: 0, count: buffer.count)
      }
    }
  }

  /// The id as PostgreSQL writes a uuid.
  static func text(of id: Identifier) -> String {
    let digits = Array(id.description)
    return [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
      .map { String($0) }.joined(separator: "-")
  }
}

extension CopyRows.Row {
  fileprivate func text(_ column: some TableColumn) throws(OperationsError) -> String {
    guard let value = values[column.columnName] ?? nil else {
      throw .damaged("a row of \(table) has no \(column.columnName)")
    }
    return value
  }

  fileprivate func number<Number: FixedWidthInteger>(_ column: some TableColumn) throws(OperationsError) -> Number {
    guard let number = Number(try text(column)) else { throw .damaged("\(table).\(column.columnName) is no number") }
    return number
  }

  fileprivate func bool(_ column: some TableColumn) throws(OperationsError) -> Bool { try text(column) == "t" }

  fileprivate func id(_ column: some TableColumn) throws(OperationsError) -> Identifier {
    guard let id = Identifier(hexadecimal: try text(column).filter { $0 != "-" }) else {
      throw .damaged("\(table).\(column.columnName) is no id")
    }
    return id
  }

  fileprivate func moment(_ column: some TableColumn) throws(OperationsError) -> Instant {
    guard let microseconds = TimestampText.microseconds(try text(column)) else {
      throw .damaged("\(table).\(column.columnName) is no moment")
    }
    return Instant(microseconds: microseconds)
  }
}

extension HabitEntry {
  /// A row of `habits`.
  fileprivate init(_ row: CopyRows.Row) throws(OperationsError) {
    self.init(
      id: try row.id(HabitColumn.habitID),
      fields: HabitFields(
        name: try row.text(HabitColumn.name), description: try row.text(HabitColumn.description),
        color: try row.number(HabitColumn.color),
        position: try row.number(HabitColumn.position), archived: try row.bool(HabitColumn.archived)),
      createdAt: try row.moment(HabitColumn.createdAt), version: try row.number(HabitColumn.version),
      isDeleted: try row.bool(HabitColumn.isDeleted),
      aliasOf: row.values[HabitColumn.aliasOf.columnName].flatMap { $0 } == nil ? nil : try row.id(HabitColumn.aliasOf))
  }
}

extension SavedLedger.Cell {
  /// A row of `cells`.
  fileprivate init(_ row: CopyRows.Row) throws(OperationsError) {
    let seq: Int64 = try row.number(CellColumn.seq)
    self.init(
      key: CellKey(habitID: try row.id(CellColumn.habitID), day: Day(try row.number(CellColumn.day))),
      cell: CellContent(
        done: try row.bool(CellColumn.done), note: try row.text(CellColumn.note),
        trust: StreakDomain.CellTrust(number: try row.number(CellColumn.quarantineReason))),
      clientTime: ClientTime(
        occurredAt: try row.moment(CellColumn.occurredAt), zone: try row.text(CellColumn.zone),
        utcOffsetSeconds: try row.number(CellColumn.utcOffsetSeconds),
        dayStartMinutes: try row.number(CellColumn.dayStartMinutes)),
      recordedAt: try row.moment(CellColumn.recordedAt),
      migrationID: seq == StatementID.Bulk.migration.rawValue ? try row.id(CellColumn.sourceID) : nil,
      version: try row.number(CellColumn.version))
  }
}
