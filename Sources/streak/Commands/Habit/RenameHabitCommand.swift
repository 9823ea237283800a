import ArgumentParser
import StreakClient

struct RenameHabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "rename", abstract: "Gives a habit another name.")

  @Argument(help: "Its name, or its beginning.", completion: .habits)
  var habit: String

  @Argument(help: "Its new name.")
  var name: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let habit = try await client.habit(meant: habit)
      let name = name
      let others = try await client.habits(includingArchived: true).filter { $0.id != habit.id }
      if let other = others.first(where: { HabitName.normalised($0.fields.name) == HabitName.normalised(name) }) {
        throw CommandFailure(
          "There is \(other.fields.archived ? "an archived" : "a") habit \"\(other.fields.name.plain)\" already; nothing was renamed."
        )
      }
      try await client.editHabit(habit.id) { $0.name = name }
      say("\(habit.fields.name.plain) is now \(name.plain).")
      try await Streak.sendSoon(client, hasServer, false)
    }
  }
}
