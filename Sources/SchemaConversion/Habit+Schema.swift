internal import GRPCSchema
public import Schema
public import StreakDomain

extension HabitFields {
  /// The content of a message, checked or not.
  public init(_ habit: Habit) {
    self.init(
      name: habit.name, description: habit.description, color: habit.color, position: habit.position,
      archived: habit.archived)
  }
}

extension HabitEntry {
  /// A habit as a client sends it; the field rules have been applied.
  public init(field habit: Habit, path: String, at now: Instant) throws(InvalidField) {
    guard HabitName.isValid(habit.name) else {
      throw InvalidField(join(path, "name"), "must be visible text of one line")
    }
    self.init(
      id: try Identifier(field: habit.id, path: join(path, "id")), fields: HabitFields(habit), createdAt: now)
  }
}

extension SyncChanges.Habit {
  /// Nil if the message has no id.
  public init?(_ habit: Habit) {
    guard let id = Identifier(habit.id) else { return nil }
    self.init(id: id, fields: HabitFields(habit), aliasOf: Identifier(habit.aliasOf))
  }
}

extension Habit {
  public init(_ id: Identifier, _ fields: HabitFields) {
    self.init(
      id: id.bytes, name: fields.name, description: fields.description, color: fields.color, position: fields.position,
      archived: fields.archived)
  }

  public init(_ id: Identifier, _ state: HabitState) {
    self.init(id, state.fields)
    version = state.version
    createdAt = GoogleProtobufTimestamp(state.createdAt)
  }

  public init(_ habit: HabitEntry) {
    self.init(habit.id, habit.fields)
    version = habit.version
    createdAt = GoogleProtobufTimestamp(habit.createdAt)
  }

  /// A habit as documents and backups keep it, deleted or not.
  public init(record habit: HabitEntry) {
    self.init(habit)
    deleted = habit.isDeleted
    aliasOf = habit.aliasOf?.bytes ?? []
  }

  public init(_ habit: SyncChanges.Habit) {
    self.init(habit.id, habit.fields)
    aliasOf = habit.aliasOf?.bytes ?? []
  }
}

extension HabitAlias {
  /// Nil for a habit that is not an alias.
  public init?(_ id: Identifier, _ state: HabitState) {
    guard let habitID = state.aliasOf else { return nil }
    self.init(aliasId: id.bytes, habitId: habitID.bytes)
  }
}

extension Schema.AccountSettings {
  public init(_ settings: StreakDomain.AccountSettings) { self.init(dayStartMinutes: settings.dayStartMinutes) }
}
