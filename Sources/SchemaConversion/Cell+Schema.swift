internal import GRPCSchema
public import Schema
public import StreakDomain

extension Cell {
  public init(_ key: CellKey, _ state: CellState) {
    self.init(forDevice: key, state)
    recordedAt = GoogleProtobufTimestamp(state.recordedAt)
  }

  /// The cell as a sync sends it: without `recorded_at`.
  public init(forDevice key: CellKey, _ state: CellState) {
    var (habits, sources) = (IdentifierBytes(), IdentifierBytes())
    self.init(key, state, &habits, &sources)
  }

  /// The cells of a page of a sync. Those that follow one another share the bytes of their habit
  /// and source.
  public static func page(_ cells: [(key: CellKey, cell: CellState)]) -> [Cell] {
    var (habits, sources) = (IdentifierBytes(), IdentifierBytes())
    // A span lends its elements; an array's would be copied.
    let cells = cells.span
    var page: [Cell] = []
    page.reserveCapacity(cells.count)
    for index in cells.indices { page.append(Cell(cells[index].key, cells[index].cell, &habits, &sources)) }
    return page
  }

  private init(_ key: CellKey, _ state: CellState, _ habits: inout IdentifierBytes, _ sources: inout IdentifierBytes) {
    self.init(
      habitId: habits.bytes(of: key.habitID), day: key.day.number, done: state.cell.done, note: state.cell.note,
      trust: Schema.CellTrust(state.cell.trust), quarantineReason: Schema.QuarantineReason(state.cell.trust),
      version: state.version, clientTime: LocalTime(state.clientTime), migrationId: state.migrationID?.bytes ?? [],
      completions: state.mapCompletions { StatementId(sourceId: sources.bytes(of: $0.source), seq: $0.seq) })
  }

  public init(_ entry: CellEntry) { self.init(entry.key, entry.state) }

  /// A cell of a backup.
  public init(_ saved: SavedLedger.Cell) {
    self.init(
      habitId: saved.key.habitID.bytes, day: saved.key.day.number, done: saved.cell.done, note: saved.cell.note,
      trust: Schema.CellTrust(saved.cell.trust), quarantineReason: Schema.QuarantineReason(saved.cell.trust),
      version: saved.version, clientTime: LocalTime(saved.clientTime),
      recordedAt: GoogleProtobufTimestamp(saved.recordedAt), migrationId: saved.migrationID?.bytes ?? [])
  }

  public init(_ cell: SyncChanges.Cell) {
    self.init(
      habitId: cell.key.habitID.bytes, day: cell.key.day.number, done: cell.cell.done, note: cell.cell.note,
      trust: Schema.CellTrust(cell.cell.trust), quarantineReason: Schema.QuarantineReason(cell.cell.trust),
      version: cell.version, completions: cell.completions.map { StatementId($0) })
  }
}

extension ExportedCell {
  /// - Parameter noteHash: SHA-256 of a note that is not kept.
  public init(_ cell: Cell, noteHash: [UInt8] = []) {
    self.init(date: Day(cell.day).description, cell: cell, noteSha256: noteHash)
  }
}

/// The bytes of one identifier after the other: of equal ones that follow one another the same
/// array.
private struct IdentifierBytes {
  private var last = Identifier.zero
  private var lastBytes: [UInt8] = []

  mutating func bytes(of id: Identifier) -> [UInt8] {
    if id != last || lastBytes.isEmpty { (last, lastBytes) = (id, id.bytes) }
    return lastBytes
  }
}

extension SyncChanges.Cell {
  /// Nil if the message has no habit.
  public init?(_ message: Schema.Cell) {
    guard let habitID = Identifier(message.habitId) else { return nil }
    let reason = UInt8(clamping: message.quarantineReason.rawValue)
    self.init(
      key: CellKey(habitID: habitID, day: Day(message.day)),
      cell: CellContent(done: message.done, note: message.note, trust: StreakDomain.CellTrust(number: reason)),
      version: message.version, completions: message.completions.compactMap { StatementID($0) })
  }
}

extension Schema.CellTrust {
  public init(_ trust: StreakDomain.CellTrust) { self = trust == .counted ? .counted : .quarantined }
}

extension StatementID {
  /// Nil if the source is not an id.
  public init?(_ message: StatementId) {
    guard let source = Identifier(message.sourceId) else { return nil }
    self.init(source: source, seq: message.seq)
  }
}

extension StatementId {
  public init(_ id: StatementID) { self.init(sourceId: id.source.bytes, seq: id.seq) }
}

extension SeenStatements {
  public init(_ messages: [StatementId]) {
    self = messages.isEmpty ? .nothing : SeenStatements(messages.compactMap { StatementID($0) })
  }
}
