import ArgumentParser
import StreakClient

struct DoneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "done", abstract: "Records that a habit is done, today or on another day.")

  @Argument(help: "The habit's name, or its beginning.", completion: .habits)
  var habit: String

  @Option(help: "The day, YYYY-MM-DD; yesterday and the day before still count.")
  var on: DayArgument?

  @Option(help: "A note on that day.")
  var note: String?

  @Flag(help: "Do not try to reach the server now.")
  var offline = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let habit = try await client.habit(meant: habit)
      let day = if let on { on.day } else { try await client.today() }
      try await client.complete(habit.id, on: day, note: note)
      say("\(habit.fields.name.plain): done on \(day).")
      // The server judges the day; offline, this device prints the status that it expects.
      try await Streak.sendSoon(client, hasServer, offline)
      try await sayOutcome(client, habit.id, day)
    }
  }
}
