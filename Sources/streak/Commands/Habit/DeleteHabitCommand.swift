import ArgumentParser
import StreakClient

struct DeleteHabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete",
    abstract: "Deletes a habit.",
    discussion: """
      With an account its days stay in the ledger and in exports, and if another device used it meanwhile it is archived instead. Without one its \
      days are gone: --yes is needed.
      """)

  @Argument(help: "Its name, whole.", completion: .habits)
  var habit: String

  @Flag(help: "Do it.")
  var yes = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let wanted = habit
      let habit = try await client.habit(meant: wanted)
      guard wanted.hasPrefix("@") || HabitName.normalised(habit.fields.name) == HabitName.normalised(wanted) else {
        throw CommandFailure("There is no habit \"\(wanted)\".")
      }
      guard yes else {
        throw CommandFailure("This deletes \(habit.fields.name.plain) with \(habit.cells.count) days: say --yes.")
      }
      try await client.deleteHabit(habit.id)
      say("\(habit.fields.name.plain): deleted.")
      try await Streak.sendSoon(client, hasServer, false)
    }
  }
}
