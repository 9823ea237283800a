internal import GRPCSchema
public import Schema
public import StreakDomain

extension Cell {
  public init(_ key: CellKey, _ state: CellState) {
    var (habits, sources) = (IdentifierBytes(), IdentifierBytes())
    self.init(key, state, &habits, &sources)
  }

  /// The cells of a page. Those that follow one another share the bytes of their habit and source.
  public static func page(_ cells: [(key: CellKey, cell: CellState)]) -> [Cell] {
    var (habits, sources) = (IdentifierBytes(), IdentifierBytes())
    return cells.map { Cell($0.key, $0.cell, &habits, &sources) }
  }

  private init(_ key: CellKey, _ state: CellState, _ habits: inout IdentifierBytes, _ sources: inout IdentifierBytes) {
    self.init(
      key, state.cell, version: state.version, habitID: habits.bytes(of: key.habitID),
      completions: state.mapCompletions { StatementId(sourceId: sources.bytes(of: $0.source), seq: $0.seq) })
    clientTime = LocalTime(state.clientTime)
    recordedAt = GoogleProtobufTimestamp(state.recordedAt)
    migrationId = state.migrationID?.bytes ?? []
  }

  public init(_ entry: CellEntry) { self.init(entry.key, entry.state) }

  public init(_ cell: SyncChanges.Cell) {
    self.init(
      cell.key, cell.cell, version: cell.version, habitID: cell.key.habitID.bytes,
      completions: cell.completions.map { StatementId($0) })
  }

  private init(
    _ key: CellKey, _ cell: CellContent, version: Int64, habitID: [UInt8], completions: [StatementId]
  ) {
    self.init(
      habitId: habitID, day: key.day.number, done: cell.done, note: cell.note,
      trust: Schema.CellTrust(cell.trust), quarantineReason: Schema.QuarantineReason(cell.trust), version: version,
      completions: completions)
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
