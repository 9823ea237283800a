internal import ProtobufCodec
internal import Schema
internal import StreakDomain

/// The rules for a habit, a day or a conflict that comes in as a record: in a document, from a
/// backup, as the value of a notice.
///
/// Calls, queued operations and captures bring the same data in messages with field rules. A record
/// must obey the rules of the message by which a device would bring it: so no way in accepts what
/// another one refuses, and all that an account holds can be imported again.
enum RecordRules {
  /// The highest version that a record may name: the account's next versions follow it.
  static let versionMax: Int64 = 1 << 53

  /// Checks a habit like one in a call.
  static func violation(of habit: Habit) -> InvalidField? {
    if let violation = first(habit) { return violation }
    return HabitName.isValid(habit.name)
      ? nil : InvalidField("name", "must be visible text of one line")
  }

  /// Checks a day like one in a device's operation.
  static func violation(of cell: Cell) -> InvalidField? {
    statement(habitID: cell.habitId, day: cell.day, done: cell.done, note: cell.note, clientTime: cell.clientTime)
  }

  /// Checks an entry like one in a capture.
  static func violation(of entry: CapturedEntry) -> InvalidField? {
    statement(habitID: entry.habitId, day: entry.day, done: entry.done, note: entry.note, clientTime: entry.clientTime)
  }

  /// Checks a notice: both of its values must be of its kind of conflict, since resolving the
  /// conflict states one of them.
  static func violation(of notice: Schema.Notice) -> InvalidField? {
    guard notice.habitId.count == Identifier.byteCount else {
      return InvalidField("habit_id", "must be 16 bytes")
    }
    guard let kind = StreakDomain.Notice.Kind(rawValue: Int16(clamping: notice.kind.rawValue)) else {
      return InvalidField("kind", "must be one that the schema names")
    }
    let isAboutDay = kind != .fieldConflict && kind != .deletionConflict
    let days = Day.earliest.number...Day.latest.number
    guard isAboutDay ? days.contains(notice.day) : notice.day == 0 else {
      return InvalidField("day", isAboutDay ? "must be a day" : "must be 0 for this kind")
    }
    let field = StreakDomain.HabitField(rawValue: Int(notice.field.rawValue))
    guard (kind == .fieldConflict) == (field != nil), kind == .fieldConflict || notice.field.rawValue == 0 else {
      return InvalidField("field", "must be a field for a field's conflict, and none otherwise")
    }
    let form = StreakDomain.Notice.Form(kind, field)
    for (name, message) in [("winning_value", notice.winningValue), ("losing_value", notice.losingValue)] {
      let value = StreakDomain.Notice.Value(message)
      if let requirement = requirement(ofValue: value, isOfForm: form.accepts(value), kind, field) {
        return InvalidField(name, requirement)
      }
    }
    return nil
  }

  /// The rule that a notice's value breaks; nil if the value is valid.
  private static func requirement(
    ofValue value: StreakDomain.Notice.Value?, isOfForm: Bool, _ kind: StreakDomain.Notice.Kind,
    _ field: StreakDomain.HabitField?
  ) -> String? {
    switch kind {
    case .noteConflict:
      let bytesMax = DayRules.noteBytesMax
      if case .text(let note) = value, note.utf8.count <= bytesMax { return nil }
      return "must be a note"
    case .doneConflict: return isOfForm ? nil : "must be a flag"
    case .deletionConflict: return isOfForm ? nil : "must be absent for this kind"
    case .streakHealed:
      if case .number(let days) = value, (0...Int64(Int32.max)).contains(days) { return nil }
      return "must be a number of days"
    case .fieldConflict:
      guard isOfForm, let field, let text = value?.text else { return "must be a value of the field" }
      var fields = HabitFields(name: "a")
      fields.set(field, text: text)
      guard fields.text(of: field) == text, fields.isValid else { return "must be a value of the field" }
      return nil
    }
  }

  private static func statement(
    habitID: [UInt8], day: Int32, done: Bool, note: String, clientTime: Schema.LocalTime?
  ) -> InvalidField? {
    let statement = SetCompletion(habitId: habitID, day: day, done: done, note: note, clientTime: clientTime)
    if let violation = first(statement) { return violation }
    do {
      _ = try ClientTime(field: clientTime, path: "client_time")
      return nil
    } catch {
      return error
    }
  }

  private static func first(_ message: some ProtobufMessage) -> InvalidField? {
    message.fieldViolations().first.map { InvalidField($0.path, $0.description) }
  }
}
