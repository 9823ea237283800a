internal import Cryptography
internal import ProtobufCodec
internal import Schema
internal import StreakDomain
internal import StreakStore

extension QueuedOperation {
  /// An operation as sent. What it cannot be becomes `.malformed`: that is for the ledger to reject, so that it blocks nothing.
  init(_ message: Schema.Operation) {
    let payload = message.protobufBytes()
    self.init(
      operation: StreakDomain.Operation(
        seq: message.seq, time: HybridTime(packed: message.hybridTime), seen: StreakDomain.Cursor(message.seen),
        change: message.fieldViolations().isEmpty ? StreakDomain.Operation.Change(message.change) : .malformed),
      payload: payload,
      payloadHash: Array(SHA256.digest(of: payload).prefix(16)))
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
    guard let habitID = Identifier(message.habitId), let made = message.made, let occurredAt = made.occurredAt?.moment
    else { return nil }
    self.init(
      habitID: habitID, day: Day(message.day), done: message.done, note: message.note,
      made: StreakDomain.LocalTime(
        occurredAtMilliseconds: occurredAt.milliseconds, zone: made.zone, utcOffsetSeconds: made.utcOffsetSeconds,
        dayStartMinutes: made.dayStartMinutes))
  }
}

extension StreakDomain.Operation.HabitEdit {
  init?(_ message: EditHabit) {
    guard let habit = message.habit, let habitID = Identifier(habit.id) else { return nil }
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
  init(_ habit: Habit) {
    self.init(
      name: habit.name, description: habit.description, color: habit.color, position: habit.position,
      archived: habit.archived)
  }
}
