internal import GRPCSchema
public import Schema
public import StreakDomain

// Records of documents and backups, checked by `RecordRules`. Whether they fit each other is for
// the reader of the document.

extension HabitEntry {
  public init(record habit: Habit) throws(InvalidField) {
    if let violation = RecordRules.violation(of: habit) { throw violation }
    let fields = HabitFields(habit)
    guard fields.isValid else { throw InvalidField("name", "and the other fields must be a habit's") }
    self.init(
      id: try Identifier(field: habit.id, path: "id"), fields: fields,
      createdAt: try Instant(field: habit.createdAt, path: "created_at").wholeMilliseconds,
      version: try checkedVersion(habit.version), isDeleted: habit.deleted || !habit.aliasOf.isEmpty,
      aliasOf: try Identifier.ifPresent(habit.aliasOf, path: "alias_of"))
  }
}

extension SavedLedger.Cell {
  public init(record cell: Schema.Cell) throws(InvalidField) {
    if let violation = RecordRules.violation(of: cell) { throw violation }
    let reason = cell.trust == .counted ? 0 : max(1, cell.quarantineReason.rawValue)
    guard let reason = UInt8(exactly: reason), reason == 0 || StreakDomain.QuarantineReason(rawValue: reason) != nil
    else { throw InvalidField("quarantine_reason", "must be one that the schema names") }
    self.init(
      key: CellKey(habitID: try Identifier(field: cell.habitId, path: "habit_id"), day: Day(cell.day)),
      cell: CellContent(done: cell.done, note: cell.note, trust: StreakDomain.CellTrust(number: reason)),
      clientTime: try ClientTime(field: cell.clientTime, path: "client_time"),
      recordedAt: try Instant(field: cell.recordedAt, path: "recorded_at").wholeMilliseconds,
      migrationID: try Identifier.ifPresent(cell.migrationId, path: "migration_id"),
      version: try checkedVersion(cell.version))
  }
}

extension StreakDomain.CapturedSession.Entry {
  /// An entry that was not accepted.
  public init(record entry: CapturedEntry) throws(InvalidField) {
    if let violation = RecordRules.violation(of: entry) { throw violation }
    try self.init(entry, path: "")
  }
}

extension StreakDomain.Notice {
  public init(record message: Schema.Notice) throws(InvalidField) {
    if let violation = RecordRules.violation(of: message) { throw violation }
    guard let kind = Kind(rawValue: Int16(clamping: message.kind.rawValue)) else {
      throw InvalidField("kind", "must be one that the schema names")
    }
    self.init(
      kind: kind, habitID: try Identifier(field: message.habitId, path: "habit_id"),
      day: message.day == 0 ? nil : Day(message.day),
      field: StreakDomain.HabitField(rawValue: Int(message.field.rawValue)),
      winningValue: Value(message.winningValue), losingValue: Value(message.losingValue),
      losingDeviceID: try Identifier.ifPresent(message.losingDeviceId, path: "losing_device_id"),
      madeAt: try Instant(field: message.madeAt, path: "made_at").wholeMilliseconds,
      version: try checkedVersion(message.version), isResolved: message.resolved)
  }
}

private func checkedVersion(_ number: Int64) throws(InvalidField) -> Int64 {
  guard (0...RecordRules.versionMax).contains(number) else {
    throw InvalidField("version", "must be 0 to \(RecordRules.versionMax)")
  }
  return number
}
