internal import GRPCSchema
internal import Schema
internal import StreakDomain

/// Operations as they are sent and kept. What is kept is what was sent, byte for byte: a number is good for one payload.
extension Schema.Operation {
  init(_ operation: StreakDomain.Operation) {
    self.init(
      seq: operation.seq, hybridTime: operation.time.packed, seen: Schema.Cursor(operation.seen),
      change: Change(operation.change))
  }
}

extension Schema.Cursor {
  init(_ cursor: StreakDomain.Cursor, resume: [UInt8] = []) {
    self.init(epoch: cursor.epoch, changeNumber: max(0, cursor.changeNumber), resume: resume)
  }
}

extension Schema.Operation.Change {
  init?(_ change: StreakDomain.Operation.Change) {
    switch change {
    case .setCompletion(let wanted):
      self = .setCompletion(
        SetCompletion(
          habitId: wanted.habitID.bytes, day: wanted.day.number, done: wanted.done, note: wanted.note,
          made: Schema.LocalTime(wanted.made)))
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

  /// Milliseconds since 1970; nil outside the years 1 to 9999.
  var milliseconds: Int64? {
    guard (-62_135_596_800...253_402_300_799).contains(seconds), (0...999_999_999).contains(nanos) else { return nil }
    return seconds * 1_000 + Int64(nanos / 1_000_000)
  }
}

// MARK: Back

extension StreakDomain.Operation {
  init(_ message: Schema.Operation) {
    self.init(
      seq: message.seq, time: HybridTime(packed: message.hybridTime), seen: StreakDomain.Cursor(message.seen),
      change: Change(message.change))
  }
}

extension StreakDomain.Cursor {
  init(_ message: Schema.Cursor?) {
    self.init(epoch: message?.epoch ?? 0, changeNumber: message?.changeNumber ?? 0)
  }
}

extension StreakDomain.Operation.Change {
  init(_ message: Schema.Operation.Change?) {
    let change: Self? =
      switch message {
      case .setCompletion(let wanted): StreakDomain.Operation.Completion(wanted).map { .setCompletion($0) }
      case .editHabit(let wanted): StreakDomain.Operation.HabitEdit(wanted).map { .editHabit($0) }
      case .deleteHabit(let wanted): Identifier(wanted.habitId).map { .deleteHabit($0) }
      case .resolveConflict(let wanted):
        Identifier(wanted.noticeId).map {
          .resolveConflict(StreakDomain.Operation.Resolution(noticeID: $0, takesOther: wanted.takeOther))
        }
      case nil: nil
      }
    self = change ?? .malformed
  }
}

extension StreakDomain.Operation.Completion {
  init?(_ message: SetCompletion) {
    guard let habitID = Identifier(message.habitId), let made = StreakDomain.LocalTime(message.made) else { return nil }
    self.init(habitID: habitID, day: Day(message.day), done: message.done, note: message.note, made: made)
  }
}

extension StreakDomain.LocalTime {
  init?(_ message: Schema.LocalTime?) {
    guard let message, let occurredAt = message.occurredAt?.milliseconds else { return nil }
    self.init(
      occurredAtMilliseconds: occurredAt, zone: message.zone, utcOffsetSeconds: message.utcOffsetSeconds,
      dayStartMinutes: message.dayStartMinutes)
  }
}

extension StreakDomain.Operation.HabitEdit {
  init?(_ message: EditHabit) {
    guard let habit = message.habit, let habitID = Identifier(habit.id) else { return nil }
    let changed = Set(message.fields.compactMap { StreakDomain.HabitField(rawValue: Int($0.rawValue)) })
    self.init(
      habitID: habitID, fields: HabitFields(habit),
      changed: message.fields.isEmpty ? Set(StreakDomain.HabitField.allCases) : changed)
  }
}

extension HabitFields {
  init(_ habit: Habit) {
    self.init(
      name: habit.name, description: habit.description, color: habit.color, position: habit.position,
      archived: habit.archived)
  }
}
