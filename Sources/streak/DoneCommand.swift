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
      let day = if let on { on.day } else { try await client.today() }
      try await client.complete(habit.id, on: day, note: note)
      say("\(habit.fields.name): done on \(day).")
      // The server judges the day; without it this device says what it will find.
      try await Streak.sendSoon(client, hasServer, offline)
      try await sayStreak(client, habit.id, day)
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
      let day = if let on { on.day } else { try await client.today() }
      try await client.undo(habit.id, on: day)
      say("\(habit.fields.name): not done on \(day).")
      try await Streak.sendSoon(client, hasServer, offline)
      try await sayStreak(client, habit.id, day)
    }
  }
}

/// What a day has made of a streak, and whether it counts.
private func sayStreak(_ client: StreakClient, _ habitID: Identifier, _ day: Day) async throws {
  guard let habit = try await client.habit(habitID) else { return }
  if let cell = habit.cells[day], cell.done, case .quarantined(let reason) = cell.trust {
    say("That day is kept and does not count: \(reason.explanation).")
  } else if try await !client.accounts().contains(where: \.isCurrent), habit.cells[day]?.done == true,
    day.distance(to: habit.today) >= MigrationPlan.windowDays
  {
    say(
      "That day is kept; in an account only the last \(MigrationPlan.windowDays) days count of those recorded before.")
  }
  say(habit.streak.summary)
}

extension QuarantineReason {
  /// In a sentence, after "does not count:".
  var explanation: String {
    switch self {
    case .overLimit: "it is one more than may count from before the account"
    case .anchor: "it is from before this device began to record"
    case .tooOld: "it reached the server more than \(DayRules.lateDaysMax) days late"
    case .backfill: "it was entered more than \(DayRules.backfillDaysMax) days afterwards"
    case .zoneHop: "more days were recorded than have passed since this device last synced"
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
