internal import GRPCSchema
public import Schema
public import StreakDomain

extension Cell {
  public init(_ key: CellKey, _ state: CellState) {
    self.init(key, state.cell, version: state.version, completions: state.completions)
    made = LocalTime(state.made)
    recordedAt = GoogleProtobufTimestamp(state.recordedAt)
    migrationId = state.migrationID?.bytes ?? []
  }

  public init(_ entry: CellEntry) { self.init(entry.key, entry.state) }

  public init(_ cell: SyncChanges.Cell) {
    self.init(cell.key, cell.cell, version: cell.version, completions: cell.completions)
  }

  private init(_ key: CellKey, _ cell: CellContent, version: Int64, completions: [StatementID]) {
    self.init(
      habitId: key.habitID.bytes, day: key.day.number, done: cell.done, note: cell.note,
      trust: Schema.CellTrust(cell.trust), quarantineReason: Schema.QuarantineReason(cell.trust), version: version,
      completions: completions.map { StatementId($0) })
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
