internal import ProtobufCodec
public import Schema
public import StreakDomain

// Operations as devices send and keep them, both ways. A device keeps the bytes that it sent: a
// number stands for one payload.

extension StreakDomain.Operation {
  public init(_ message: Schema.Operation) {
    self.init(
      seq: message.seq, time: HybridTime(packed: message.hybridTime), seen: SeenStatements(message.seen),
      change: Change(message.change))
  }

  /// An operation as sent; one that breaks a field rule of its message is `.malformed`.
  public init(checking message: Schema.Operation) {
    self.init(message)
    if !message.fieldViolations().isEmpty { change = .malformed }
  }
}

extension Schema.Operation {
  public init(_ operation: StreakDomain.Operation) {
    self.init(
      seq: operation.seq, hybridTime: operation.time.packed, seen: operation.seen.last.map { StatementId($0) },
      change: Change(operation.change))
  }
}

extension StreakDomain.Operation.Change {
  /// The change in a message; `.malformed` if there is none, if it is invalid, or if only a later
  /// version knows it.
  public init(_ message: Schema.Operation.Change?) {
    do throws(InvalidField) {
      self = try Self.read(message)
    } catch {
      self = .malformed
    }
  }

  private static func read(_ message: Schema.Operation.Change?) throws(InvalidField) -> Self {
    switch message {
    case .setCompletion(let wanted): .setCompletion(try StreakDomain.Operation.Completion(wanted))
    case .editHabit(let wanted): .editHabit(try StreakDomain.Operation.HabitEdit(wanted))
    case .deleteHabit(let wanted): .deleteHabit(try Identifier(field: wanted.habitId, path: "habit_id"))
    case .setNote(let wanted): .setNote(try StreakDomain.Operation.Note(wanted))
    case .setDayStart(let wanted): .setDayStart(wanted.dayStartMinutes)
    case .resolveConflict(let wanted):
      .resolveConflict(
        StreakDomain.Operation.Resolution(
          noticeID: try Identifier(field: wanted.noticeId, path: "notice_id"), takesLosing: wanted.takeLosing,
          statement: try wanted.statement.map(read)))
    case nil: .malformed
    }
  }
}

extension StreakDomain.Operation.Change {
  private static func read(_ statement: ResolveConflict.Statement) throws(InvalidField) -> Self {
    try read(Schema.Operation.Change(statement))
  }
}

extension Schema.Operation.Change {
  fileprivate init(_ statement: ResolveConflict.Statement) {
    switch statement {
    case .setCompletion(let wanted): self = .setCompletion(wanted)
    case .setNote(let wanted): self = .setNote(wanted)
    case .editHabit(let wanted): self = .editHabit(wanted)
    case .deleteHabit(let habitID): self = .deleteHabit(habitID)
    }
  }

  /// The change as the chosen value of a conflict; nil for a change that no conflict is about.
  fileprivate var statement: ResolveConflict.Statement? {
    switch self {
    case .setCompletion(let wanted): .setCompletion(wanted)
    case .setNote(let wanted): .setNote(wanted)
    case .editHabit(let wanted): .editHabit(wanted)
    case .deleteHabit(let habitID): .deleteHabit(habitID)
    case .resolveConflict, .setDayStart: nil
    }
  }

  public init?(_ change: StreakDomain.Operation.Change) {
    switch change {
    case .setCompletion(let wanted):
      self = .setCompletion(
        SetCompletion(
          habitId: wanted.habitID.bytes, day: wanted.day.number, done: wanted.done, note: wanted.note ?? "",
          clientTime: LocalTime(wanted.clientTime), undone: (wanted.undone ?? []).map { StatementId($0) }))
    case .setNote(let wanted):
      self = .setNote(
        SetNote(
          habitId: wanted.habitID.bytes, day: wanted.day.number, note: wanted.text,
          clientTime: LocalTime(wanted.clientTime)))
    case .setDayStart(let minutes): self = .setDayStart(SetDayStart(dayStartMinutes: minutes))
    case .editHabit(let edit):
      let fields = edit.changed.count == StreakDomain.HabitField.allCases.count ? [] : edit.changed.map(\.rawValue)
      self = .editHabit(
        EditHabit(
          habit: Habit(edit.habitID, edit.fields),
          fields: fields.sorted().map { Schema.HabitField(rawValue: Int32($0)) }))
    case .deleteHabit(let habitID): self = .deleteHabit(DeleteHabit(habitId: habitID.bytes))
    case .resolveConflict(let resolution):
      self = .resolveConflict(
        ResolveConflict(
          noticeId: resolution.noticeID.bytes, takeLosing: resolution.takesLosing,
          statement: resolution.statement.flatMap { Self($0)?.statement }))
    case .malformed: return nil
    }
  }
}

extension StreakDomain.Operation.Completion {
  /// The statement about a day: of a queued operation, or of a call that records or undoes.
  /// - Throws: The first invalid field, by its path in the message.
  public init(_ message: SetCompletion) throws(InvalidField) {
    self.init(
      habitID: try Identifier(field: message.habitId, path: "habit_id"), day: Day(message.day), done: message.done,
      note: message.note, clientTime: try ClientTime(field: message.clientTime, path: "client_time"),
      undone: message.undone.isEmpty ? nil : message.undone.compactMap { StatementID($0) })
  }

  /// The path of a call's field is that of the same field in `SetCompletion`.
  public init(_ message: RecordCompletionRequest) throws(InvalidField) {
    try self.init(
      SetCompletion(
        habitId: message.habitId, day: message.day, done: true, note: message.note, clientTime: message.clientTime))
  }

  public init(_ message: UndoCompletionRequest) throws(InvalidField) {
    try self.init(SetCompletion(habitId: message.habitId, day: message.day, clientTime: message.clientTime))
  }
}

extension StreakDomain.Operation.Note {
  public init(_ message: SetNote) throws(InvalidField) {
    self.init(
      habitID: try Identifier(field: message.habitId, path: "habit_id"), day: Day(message.day), text: message.note,
      clientTime: try ClientTime(field: message.clientTime, path: "client_time"))
  }
}

extension StreakDomain.Operation.HabitEdit {
  public init(_ message: EditHabit) throws(InvalidField) {
    guard let habit = message.habit else { throw InvalidField("habit", "is required") }
    if !habit.aliasOf.isEmpty { _ = try Identifier(field: habit.aliasOf, path: "habit.alias_of") }
    var changed: Set<StreakDomain.HabitField> = []
    for (index, number) in message.fields.enumerated() {
      guard let field = StreakDomain.HabitField(rawValue: Int(number.rawValue)) else {
        throw InvalidField("fields[\(index)]", "must be one that the schema names")
      }
      changed.insert(field)
    }
    self.init(
      habitID: try Identifier(field: habit.id, path: "habit.id"), fields: HabitFields(habit),
      changed: changed.isEmpty ? Set(StreakDomain.HabitField.allCases) : changed)
  }
}

extension StreakDomain.OperationOutcome {
  /// Nil for a status that this program does not know.
  public init?(_ message: Schema.OperationOutcome) {
    guard let status = Status(rawValue: Int16(clamping: message.status.rawValue)) else { return nil }
    // A reason that this version does not know is still a rejection, and is shown. So is a
    // completion whose note was rejected.
    let rejection = Reason(message.reason) ?? .invalidField
    self.init(
      seq: message.seq, status: status,
      rejection: status == .rejected || message.reason != .unspecified ? rejection : nil,
      changeNumber: message.changeNumber, trust: nil, noticeID: Identifier(message.noticeId))
  }
}

extension Schema.OperationOutcome {
  public init(_ outcome: StreakDomain.OperationOutcome) {
    self.init(
      seq: outcome.seq, status: OperationStatus(rawValue: Int32(outcome.status.rawValue)),
      reason: outcome.rejection.map { ErrorReason($0) } ?? .unspecified, changeNumber: outcome.changeNumber,
      trust: outcome.trust.map { Schema.CellTrust($0) } ?? .unspecified,
      quarantineReason: Schema.QuarantineReason(outcome.trust ?? .counted), noticeId: outcome.noticeID?.bytes ?? [])
  }
}
