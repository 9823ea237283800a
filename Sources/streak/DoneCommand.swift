import ArgumentParser
import StreakClient
import StreakDomain

struct DoneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "done", abstract: "Records that a habit is done, today or on another day.")

  @Argument(help: "The habit's name, or its beginning.")
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
      try await client.complete(habit.id, on: on?.day, note: note)
      let now = try await client.habit(meant: habit.fields.name)
      let today = try await client.today()
      say("\(now.fields.name): done on \(on?.day ?? today). \(now.streak.summary)")
      try await Streak.sendSoon(client, hasServer, offline)
    }
  }
}

struct UndoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "undo", abstract: "Takes a day back. Its note stays.",
    discussion: "Days older than 30 days cannot be taken back.")

  @Argument(help: "The habit's name, or its beginning.")
  var habit: String

  @Option(help: "The day, YYYY-MM-DD.")
  var on: DayArgument?

  @Flag(help: "Do not try to reach the server now.")
  var offline = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let habit = try await client.habit(meant: habit)
      try await client.undo(habit.id, on: on?.day)
      let now = try await client.habit(meant: habit.fields.name)
      let today = try await client.today()
      say("\(now.fields.name): not done on \(on?.day ?? today). \(now.streak.summary)")
      try await Streak.sendSoon(client, hasServer, offline)
    }
  }
}

extension StreakDomain.Streak {
  /// In a sentence.
  var summary: String {
    switch state {
    case .none: "No day counts yet."
    case .doneToday: "Streak: \(current) \(current == 1 ? "day" : "days")."
    case .atRisk: "Streak: \(current) \(current == 1 ? "day" : "days"), at risk until today is done."
    case .archived: "Archived with a streak of \(current) \(current == 1 ? "day" : "days")."
    case .broken: "The streak is broken; the longest was \(longest) \(longest == 1 ? "day" : "days")."
    }
  }
}
