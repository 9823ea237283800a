internal import GRPCSchema
internal import RPC
internal import Schema
internal import StreakDomain
internal import StreakStore

extension StreakDomain.CapturedSession {
  /// A capture as sent; the field rules have been applied.
  ///
  /// - Throws: A refusal naming the field that cannot be.
  init(_ message: Schema.CapturedSession, path: String) throws(RPCStatus) {
    var entries: [Entry] = []
    entries.reserveCapacity(message.entries.count)
    for (index, entry) in message.entries.enumerated() {
      let made = try LocalTimeRecord(entry.made, path: "\(path).entries[\(index)].made")
      entries.append(
        Entry(
          habitID: entry.habitId, day: Day(entry.day), done: entry.done, note: entry.note,
          made: StreakDomain.LocalTime(made), occurredAtSeconds: entry.made?.occurredAt?.seconds ?? 0,
          occurredAtNanos: entry.made?.occurredAt?.nanos ?? 0))
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
    guard let manifest = message.manifest else { throw Reason.invalidField(path + ".manifest", "is required") }
    self.init(
      habits: habits, entries: entries,
      capturedAt: StreakDomain.LocalTime(try LocalTimeRecord(message.capturedAt, path: path + ".captured_at")),
      manifest: Manifest(
        habitCount: Int(manifest.habitCount), entryCount: Int(manifest.entryCount), sha256: manifest.sha256))
  }
}
