internal import GRPCSchema
internal import ProtobufCodec
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

extension StreakDomain.RejectedEntry {
  public init(record rejection: ExportedRejection) throws(InvalidField) {
    guard let entry = rejection.entry else { throw InvalidField("entry", "is required") }
    guard let rejected = rejection.rejected else { throw InvalidField("rejected", "is required") }
    if let violation = RecordRules.violation(of: entry) {
      throw InvalidField(join("entry", violation.path), violation.requirement)
    }
    let statement = try StreakDomain.CapturedSession.Entry(entry, path: "entry")
    guard rejected.index >= 0 else { throw InvalidField("rejected.index", "must not be negative") }
    self.init(
      entryID: try Identifier(field: rejected.entryId, path: "rejected.entry_id"),
      migrationID: try Identifier.ifPresent(rejection.migrationId, path: "migration_id"), index: rejected.index,
      habitID: statement.habitID, day: statement.day,
      done: statement.done, note: statement.note, clientTime: statement.clientTime, reason: Reason(rejected.reason),
      rejectedAt: try Instant(field: rejection.rejectedAt, path: "rejected_at"),
      noteHash: try checkedHash(rejection.noteSha256, byteCount: 32, path: "note_sha256"))
  }
}

extension StreakDomain.RejectedOperation {
  public init(record rejected: Schema.RejectedOperation) throws(InvalidField) {
    guard rejected.seq > 0 else { throw InvalidField("seq", "must be 1 or more") }
    self.init(
      deviceID: try Identifier(field: rejected.deviceId, path: "device_id"), seq: rejected.seq,
      operation: rejected.operation?.protobufBytes(), reason: Reason(rejected.reason),
      rejectedAt: try Instant(field: rejected.rejectedAt, path: "rejected_at"),
      payloadHash: try checkedHash(rejected.payloadHash, byteCount: 16, path: "payload_hash"))
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

extension ExportedCell {
  /// The hash of a note that is not kept; empty: it is kept.
  public func checkedNoteHash() throws(InvalidField) -> [UInt8] {
    try checkedHash(noteSha256, byteCount: 32, path: "note_sha256")
  }
}

/// A hash that a record may leave out.
private func checkedHash(_ bytes: [UInt8], byteCount: Int, path: String) throws(InvalidField) -> [UInt8] {
  guard bytes.isEmpty || bytes.count == byteCount else {
    throw InvalidField(path, "must be \(byteCount) bytes, or empty")
  }
  return bytes
}

private func checkedVersion(_ number: Int64) throws(InvalidField) -> Int64 {
  guard (0...RecordRules.versionMax).contains(number) else {
    throw InvalidField("version", "must be 0 to \(RecordRules.versionMax)")
  }
  return number
}
