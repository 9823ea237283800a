import ArgumentParser
import StreakClient
import StreakDomain

struct NoteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "note", abstract: "Shows a habit's notes, or writes the note of a day.",
    discussion: "Without TEXT it lists the notes, the latest day first. A day need not be done to have a note.")

  @Argument(help: "The habit's name, or its beginning.")
  var habit: String

  @Argument(help: "The note of the day.")
  var text: String?

  @Option(help: "The day, YYYY-MM-DD; today if a note is written.")
  var on: DayArgument?

  @Flag(help: "Clear the note of the day.")
  var clear = false

  @Flag(help: "Do not try to reach the server now.")
  var offline = false

  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard !clear || text == nil else { throw ValidationError("--clear and a text do not go together.") }
  }

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      guard let text = clear ? "" : text else { return try await list(client) }
      let habit = try await client.habit(meant: habit)
      let day = if let on { on.day } else { try await client.today() }
      try await client.setNote(habit.id, on: day, to: text)
      say("\(habit.fields.name): the note of \(day) is \(clear ? "cleared" : "kept").")
      try await Streak.sendSoon(client, hasServer, offline)
    }
  }

  private func list(_ client: StreakClient) async throws {
    for habit in try await client.habits(meant: habit) {
      for line in habit.notes where on == nil || on?.day == line.day { say(line.text) }
    }
  }
}

extension HabitView {
  /// Days with a note, the latest first, one a line.
  var notes: [(day: Day, text: String)] {
    cells.filter { !$0.value.note.isEmpty }.sorted { $0.key > $1.key }.map { day, cell in
      // One line for each, whatever is in it.
      let note = cell.note.split(whereSeparator: \.isNewline).joined(separator: " / ")
      return (day, "\(day)\(cell.done ? "" : " (not done)")  \(Terminal.plain(note))")
    }
  }
}
