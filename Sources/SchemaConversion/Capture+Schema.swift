internal import GRPCSchema
public import Schema
public import StreakDomain

extension StreakDomain.CapturedSession {
  /// A capture as sent; the field rules have been applied. What they cannot say is checked here.
  ///
  /// - Parameter path: The request's field that holds it.
  public init(_ message: Schema.CapturedSession, path: String) throws(InvalidField) {
    var habits: [Habit] = []
    var ids: Set<Identifier> = []
    for (index, captured) in message.habits.enumerated() {
      let path = "\(path).habits[\(index)]"
      let habit = try Habit(captured, path: path)
      guard ids.insert(habit.id).inserted else {
        throw InvalidField(path + ".habit.id", "must stand in the capture once")
      }
      habits.append(habit)
    }
    var entries: [Entry] = []
    entries.reserveCapacity(message.entries.count)
    for (index, entry) in message.entries.enumerated() {
      entries.append(try Entry(entry, path: "\(path).entries[\(index)]"))
    }
    guard let manifest = message.manifest else { throw InvalidField(path + ".manifest", "is required") }
    self.init(
      habits: habits, entries: entries,
      capturedAt: try ClientTime(field: message.capturedAt, path: path + ".captured_at"),
      manifest: Manifest(
        habitCount: Int(manifest.habitCount), entryCount: Int(manifest.entryCount), sha256: manifest.sha256))
  }
}

extension StreakDomain.CapturedSession.Habit {
  fileprivate init(_ captured: CapturedHabit, path: String) throws(InvalidField) {
    let habit = try HabitEntry(field: captured.habit ?? Schema.Habit(), path: path + ".habit", at: .epoch)
    self.init(
      id: habit.id, fields: habit.fields,
      claim: try captured.claim.map { claim throws(InvalidField) in
        try StreakDomain.CapturedSession.Claim(claim, path: path + ".claim")
      })
  }
}

extension StreakDomain.CapturedSession.Claim {
  fileprivate init(_ claim: StreakClaim, path: String) throws(InvalidField) {
    let lastDay = claim.lastCompletedDay == 0 ? nil : Day(claim.lastCompletedDay)
    if let lastDay, lastDay < Day.earliest {
      throw InvalidField(path + ".last_completed_day", "must be 0, or a day from 2000-01-01 on")
    }
    self.init(currentStreak: claim.currentStreak, lastCompletedDay: lastDay)
  }
}

extension StreakDomain.CapturedSession.Entry {
  init(_ entry: CapturedEntry, path: String) throws(InvalidField) {
    self.init(
      habitID: try Identifier(field: entry.habitId, path: join(path, "habit_id")), day: Day(entry.day),
      done: entry.done, note: entry.note,
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
          habit: Habit(habit.id, habit.fields),
          claim: habit.claim.map {
            StreakClaim(currentStreak: $0.currentStreak, lastCompletedDay: $0.lastCompletedDay?.number ?? 0)
          })
      },
      entries: capture.entries.map { entry in
        CapturedEntry(
          habitId: entry.habitID.bytes, day: entry.day.number, done: entry.done, note: entry.note,
          clientTime: LocalTime(entry.clientTime))
      },
      capturedAt: LocalTime(capture.capturedAt),
      manifest: CaptureManifest(
        habitCount: Int32(clamping: capture.manifest.habitCount),
        entryCount: Int32(clamping: capture.manifest.entryCount), sha256: capture.manifest.sha256))
  }
}
