import ArgumentParser
import ProtobufCodec
import StreakClient

struct NoteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "note", abstract: "Shows a habit's notes, or writes the note of a day.",
    discussion: "Without TEXT it lists the notes, the latest day first. A day need not be done to have a note.")

  @Argument(help: "The habit's name, or its beginning.", completion: .habits)
  var habit: String

  @Argument(help: "The note of the day.")
  var text: String?

  @Option(help: "The day, YYYY-MM-DD; today if a note is written.")
  var on: DayArgument?

  @Flag(help: "Clear the note of the day.")
  var clear = false

  @Flag(help: "Do not try to reach the server now.")
  var offline = false

  @Flag(help: "Write the notes as JSON.")
  var json = false

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
      say("\(habit.fields.name.plain): the note of \(day) is \(clear ? "cleared" : "kept").")
      try await Streak.sendSoon(client, hasServer, offline)
    }
  }

  private func list(_ client: StreakClient) async throws {
    let found = try await client.habits(meant: habit)
    if json {
      let notes = found.flatMap { habit in
        habit.cells.filter { !$0.value.note.isEmpty && (on == nil || on?.day == $0.key) }.sorted { $0.key > $1.key }
          .map { $0.value.json(of: $0.key) }
      }
      return say(JSONValue.array(notes).asciiText)
    }
    for habit in found {
      for line in habit.notes where on == nil || on?.day == line.day { say(line.text) }
    }
  }
}
