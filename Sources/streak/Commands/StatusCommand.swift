import ArgumentParser
import ProtobufCodec
import StreakClient

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Shows streaks, and a calendar of the last weeks for each habit.",
    discussion: "With a habit also its description, its notes, and why days do not count. In short: streak today.")

  @Argument(help: "Only this habit: its name, or its beginning.", completion: .habits)
  var habit: String?

  @Option(help: "Weeks to show, 1 to 53.")
  var weeks = 12

  @Flag(help: "Also habits that were put away.")
  var all = false

  @Flag(help: "Write everything as JSON, with the days of these weeks.")
  var json = false

  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard (1...53).contains(weeks) else { throw ValidationError("--weeks must be from 1 to 53.") }
  }

  func run() async throws {
    try await options.run { client, _ in
      let shown =
        if let habit { try await client.habits(meant: habit) } else { try await client.habits(includingArchived: all) }
      let account = AccountText(
        accounts: try await client.accounts(), preview: try await client.previewSignUp(),
        noticeCount: try await client.notices().count + client.rejectedOperations().count)
      if json {
        let habits = shown.map { $0.json(since: CalendarText($0, weeks: weeks, style: .output).firstDay) }
        return say(JSONValue.object([("habits", .array(habits))] + account.json).asciiText)
      }
      if shown.isEmpty { say(account.noHabits) }
      for view in shown {
        let calendar = CalendarText(view, weeks: weeks, style: .output)
        say(calendar.text)
        if habit != nil { sayDetails(of: view, since: calendar.firstDay) }
      }
      if let legend = CalendarText.legend(shown, .output) { say(TextStyle.output.dim(legend)) }
      for line in account.lines { say(TextStyle.output.dim(line)) }
      if let notices = account.notices { say(notices) }
    }
  }

  /// Prints the details of one habit.
  private func sayDetails(of habit: HabitView, since firstDay: Day) {
    if !habit.fields.description.isEmpty { say("  " + habit.fields.description.plain) }
    for note in habit.notes where note.day >= firstDay { say("  " + note.text) }
    let reasons = habit.cells.filter { $0.key >= firstDay && $0.value.done }.sorted { $0.key > $1.key }
    for (day, cell) in reasons {
      if let explanation = cell.trust.explanation { say("  \(day) does not count: \(explanation)") }
    }
  }
}
