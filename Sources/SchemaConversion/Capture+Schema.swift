internal import GRPCSchema
public import Schema
public import StreakDomain

extension StreakDomain.CapturedSession {
  /// A capture as sent; the field rules have been applied.
  public init(_ message: Schema.CapturedSession, path: String) throws(InvalidField) {
    var entries: [Entry] = []
    entries.reserveCapacity(message.entries.count)
    for (index, entry) in message.entries.enumerated() {
      entries.append(try Entry(entry, path: "\(path).entries[\(index)]"))
    }
    let habits = message.habits.map { captured in
      let habit = captured.habit ?? Schema.Habit()
      return Habit(
        id: habit.id, name: habit.name, description: habit.description, color: habit.color, position: habit.position,
        archived: habit.archived,
        claim: captured.claim.map { claim in
          Claim(
            currentStreak: claim.currentStreak,
            lastCompletedDay: claim.lastCompletedDay == 0 ? nil : Day(claim.lastCompletedDay))
        })
    }
    guard let manifest = message.manifest else { throw InvalidField(path + ".manifest", "is required") }
    self.init(
      habits: habits, entries: entries,
      capturedAt: try ClientTime(field: message.capturedAt, path: path + ".captured_at"),
      manifest: Manifest(
        habitCount: Int(manifest.habitCount), entryCount: Int(manifest.entryCount), sha256: manifest.sha256))
  }
}

extension StreakDomain.CapturedSession.Entry {
  init(_ entry: CapturedEntry, path: String) throws(InvalidField) {
    self.init(
      habitID: entry.habitId, day: Day(entry.day), done: entry.done, note: entry.note,
      clientTime: try ClientTime(field: entry.clientTime, path: join(path, "client_time")),
      occurredAtSeconds: entry.clientTime?.occurredAt?.seconds ?? 0,
      occurredAtNanos: entry.clientTime?.occurredAt?.nanos ?? 0)
  }
}

extension Schema.CapturedSession {
  public init(_ capture: StreakDomain.CapturedSession) {
    self.init(
      habits: capture.habits.map { habit in
        CapturedHabit(
          habit: Habit(
            id: habit.id, name: habit.name, description: habit.description, color: habit.color,
            position: habit.position, archived: habit.archived),
          claim: habit.claim.map {
            StreakClaim(currentStreak: $0.currentStreak, lastCompletedDay: $0.lastCompletedDay?.number ?? 0)
          })
      },
      entries: capture.entries.map { entry in
        CapturedEntry(
          habitId: entry.habitID, day: entry.day.number, done: entry.done, note: entry.note,
          clientTime: LocalTime(entry.clientTime))
      },
      capturedAt: LocalTime(capture.capturedAt),
      manifest: CaptureManifest(
        habitCount: Int32(clamping: capture.manifest.habitCount),
        entryCount: Int32(clamping: capture.manifest.entryCount), sha256: capture.manifest.sha256))
  }
}
