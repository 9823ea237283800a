/// The rules for a capture's fields. A field that breaks them refuses the capture as a whole. Rules
/// that need the clock or other entries (a future day, for example) are those of `MigrationPlan`,
/// entry by entry.
extension CapturedSession {
  /// Bytes of a habit's id.
  public static let idBytes = 16
  /// Most bytes of a note.
  public static let noteBytesMax = 4_096

  /// The path of the first invalid field in the schema's form, such as `entries[3].day`; nil if all
  /// are valid.
  public var invalidField: String? {
    if let field = DayRules.malformedField(of: capturedAt) { return Self.path("captured_at", field) }
    if manifest.habitCount < 0 { return "manifest.habit_count" }
    if manifest.entryCount < 0 { return "manifest.entry_count" }
    var ids: Set<[UInt8]> = []
    for (index, habit) in habits.enumerated() {
      let path = "habits[\(index)]"
      if habit.id.count != Self.idBytes || !ids.insert(habit.id).inserted { return path + ".habit.id" }
      if !HabitName.isValid(habit.name) { return path + ".habit.name" }
      guard let claim = habit.claim else { continue }
      if claim.currentStreak < 0 { return path + ".claim.current_streak" }
      if let day = claim.lastCompletedDay, !(Day.earliest...Day.latest).contains(day) {
        return path + ".claim.last_completed_day"
      }
    }
    for (index, entry) in entries.enumerated() {
      let path = "entries[\(index)]"
      if entry.habitID.count != Self.idBytes { return path + ".habit_id" }
      if entry.note.utf8.count > Self.noteBytesMax { return path + ".note" }
      if let field = DayRules.malformedField(day: entry.day, clientTime: entry.clientTime) {
        return field == .day ? path + ".day" : Self.path(path + ".client_time", field)
      }
    }
    return nil
  }

  /// The path of an invalid part of the moment at `path`.
  private static func path(_ path: String, _ field: MalformedField) -> String {
    path + field.rawValue.drop { $0 != "." }
  }
}
