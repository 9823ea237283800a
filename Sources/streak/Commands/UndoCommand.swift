import ArgumentParser
import StreakClient

struct UndoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undo", abstract: "Takes a day back. Its note stays.",
    discussion: "Days older than 30 days cannot be taken back.")

  @Argument(help: "The habit's name, or its beginning.", completion: .habits)
  var habit: String

  @Option(help: "The day, YYYY-MM-DD.")
  var on: DayArgument?

  @Flag(help: "Do not try to reach the server now.")
  var offline = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let habit = try await client.habit(meant: habit)
      let day = if let on { on.day } else { try await client.today() }
      try await client.undo(habit.id, on: day)
      say("\(habit.fields.name.plain): not done on \(day).")
      try await Streak.sendSoon(client, hasServer, offline)
      try await sayOutcome(client, habit.id, day)
    }
  }
}
