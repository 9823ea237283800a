internal import GRPCSchema
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// Operations as sent and as stored. The stored bytes equal the sent ones, because a sequence
/// number belongs to exactly one payload.
extension Schema.Operation {
  init(_ operation: StreakDomain.Operation) {
    self.init(
      seq: operation.seq, hybridTime: operation.time.packed, seen: operation.seen.last.map { StatementId($0) },
      change: Change(operation.change))
  }
}

extension Schema.Operation.Change {
  init?(_ change: StreakDomain.Operation.Change) {
    switch change {
    case .setCompletion(let wanted):
      self = .setCompletion(
        SetCompletion(
          habitId: wanted.habitID.bytes, day: wanted.day.number, done: wanted.done, note: wanted.note ?? "",
          made: Schema.LocalTime(wanted.made), undone: (wanted.undone ?? []).map { StatementId($0) }))
    case .setNote(let wanted):
      self = .setNote(
        SetNote(
          habitId: wanted.habitID.bytes, day: wanted.day.number, note: wanted.text, made: Schema.LocalTime(wanted.made))
      )
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
        ResolveConflict(noticeId: resolution.noticeID.bytes, takeOther: resolution.takesOther))
    case .malformed: return nil
    }
  }
}

extension Schema.LocalTime {
  init(_ made: StreakDomain.LocalTime) {
    self.init(
      occurredAt: GoogleProtobufTimestamp(milliseconds: made.occurredAtMilliseconds), zone: made.zone,
      utcOffsetSeconds: made.utcOffsetSeconds, dayStartMinutes: made.dayStartMinutes)
  }
}

extension Habit {
  init(_ id: Identifier, _ fields: HabitFields) {
    self.init(
      id: id.bytes, name: fields.name, description: fields.description, color: fields.color, position: fields.position,
      archived: fields.archived)
  }
}

extension GoogleProtobufTimestamp {
  init(milliseconds: Int64) {
    let seconds = milliseconds >= 0 ? milliseconds / 1_000 : (milliseconds - 999) / 1_000
    self.init(seconds: seconds, nanos: Int32(truncatingIfNeeded: milliseconds - seconds * 1_000) * 1_000_000)
  }
}
