package import GRPCSchema
package import Schema
package import StreakDomain

// How the messages of the schema are read as values of the domain: by the server, of what devices
// send, and by the client, of what it has kept.

extension StreakDomain.Operation {
  package init(_ message: Schema.Operation) {
    self.init(
      seq: message.seq, time: HybridTime(packed: message.hybridTime), seen: SeenStatements(message.seen),
      change: Change(message.change))
  }
}

extension StreakDomain.Cursor {
  package init(_ message: Schema.Cursor?) {
    self.init(
      epoch: Epoch(number: message?.epoch ?? 0, bits: Int64(bitPattern: message?.epochBits ?? 0)),
      changeNumber: message?.changeNumber ?? 0, tag: message?.tag ?? [])
  }
}

extension Schema.Cursor {
  package init(_ cursor: StreakDomain.Cursor, resume: [UInt8] = []) {
    self.init(
      epoch: cursor.epoch.number, changeNumber: cursor.changeNumber, resume: resume,
      epochBits: UInt64(bitPattern: cursor.epoch.bits), tag: cursor.tag)
  }
}

extension StatementID {
  /// Nil for a source that is no id.
  package init?(_ message: StatementId) {
    guard let source = Identifier(message.sourceId) else { return nil }
    self.init(source: source, seq: message.seq)
  }
}

extension StatementId {
  package init(_ id: StatementID) { self.init(sourceId: id.source.bytes, seq: id.seq) }
}

extension SeenStatements {
  package init(_ messages: [StatementId]) {
    self = messages.isEmpty ? .nothing : SeenStatements(messages.compactMap { StatementID($0) })
  }
}

extension StreakDomain.Operation.Change {
  /// What a message asks for; `.malformed` if that is nothing, or something that a later version
  /// may know.
  package init(_ message: Schema.Operation.Change?) {
    let change: Self? =
      switch message {
      case .setCompletion(let wanted): StreakDomain.Operation.Completion(wanted).map { .setCompletion($0) }
      case .editHabit(let wanted): StreakDomain.Operation.HabitEdit(wanted).map { .editHabit($0) }
      case .deleteHabit(let wanted): Identifier(wanted.habitId).map { .deleteHabit($0) }
      case .setNote(let wanted): StreakDomain.Operation.Note(wanted).map { .setNote($0) }
      case .setDayStart(let wanted): .setDayStart(wanted.dayStartMinutes)
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
  package init?(_ message: SetCompletion) {
    guard let habitID = Identifier(message.habitId), let made = StreakDomain.LocalTime(message.made) else { return nil }
    self.init(
      habitID: habitID, day: Day(message.day), done: message.done, note: message.note, made: made,
      undone: message.undone.isEmpty ? nil : message.undone.compactMap { StatementID($0) })
  }
}

extension StreakDomain.Operation.Note {
  package init?(_ message: SetNote) {
    guard let habitID = Identifier(message.habitId), let made = StreakDomain.LocalTime(message.made) else { return nil }
    self.init(habitID: habitID, day: Day(message.day), text: message.note, made: made)
  }
}

extension StreakDomain.LocalTime {
  package init?(_ message: Schema.LocalTime?) {
    guard let message, let occurredAt = message.occurredAt?.milliseconds else { return nil }
    self.init(
      occurredAtMilliseconds: occurredAt, zone: message.zone, utcOffsetSeconds: message.utcOffsetSeconds,
      dayStartMinutes: message.dayStartMinutes)
  }
}

extension StreakDomain.Operation.HabitEdit {
  package init?(_ message: EditHabit) {
    guard let habit = message.habit, let habitID = Identifier(habit.id),
      habit.aliasOf.isEmpty || Identifier(habit.aliasOf) != nil
    else { return nil }
    var changed: Set<StreakDomain.HabitField> = []
    for field in message.fields {
      guard let field = StreakDomain.HabitField(rawValue: Int(field.rawValue)) else { return nil }
      changed.insert(field)
    }
    self.init(
      habitID: habitID, fields: HabitFields(habit),
      changed: changed.isEmpty ? Set(StreakDomain.HabitField.allCases) : changed)
  }
}

extension HabitFields {
  package init(_ habit: Habit) {
    self.init(
      name: habit.name, description: habit.description, color: habit.color, position: habit.position,
      archived: habit.archived)
  }
}

extension GoogleProtobufTimestamp {
  /// Milliseconds since 1970, rounded down; nil outside the years 1 to 9999.
  package var milliseconds: Int64? {
    guard (-62_135_596_800...253_402_300_799).contains(seconds), (0...999_999_999).contains(nanos) else { return nil }
    return seconds * 1_000 + Int64(nanos / 1_000_000)
  }
}
