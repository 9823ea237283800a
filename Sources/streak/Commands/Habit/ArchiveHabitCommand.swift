import ArgumentParser
import StreakClient

struct ArchiveHabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "archive",
    abstract: "Puts a habit away: its history stays, its streak is no longer at risk.")

  @Argument(help: "Its name, or its beginning.", completion: .habits)
  var habit: String

  @Flag(help: "Take it out again.")
  var undo = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let isArchived = !undo
      let habit = try await client.habit(meant: habit, preferring: { $0.fields.archived != isArchived })
      let others = try await client.habits().filter {
        HabitName.normalised($0.fields.name) == HabitName.normalised(habit.fields.name) && $0.id != habit.id
      }
      guard isArchived || others.isEmpty else {
        throw CommandFailure(
          "There is a habit \"\(habit.fields.name.plain)\" already: rename one first, with streak habit rename @\(habit.shortID) NAME."
        )
      }
      try await client.editHabit(habit.id) { $0.archived = isArchived }
      say("\(habit.fields.name.plain): \(isArchived ? "archived" : "active again").")
      try await Streak.sendSoon(client, hasServer, false)
    }
  }
}
