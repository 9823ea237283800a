import ArgumentParser
import ProtobufCodec
import StreakClient

struct TodayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "today", abstract: "Shows each habit on one line: whether today is done, and its streak.")

  @Flag(help: "Write the habits as JSON.")
  var json = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run { client, _ in
      let habits = try await client.habits()
      if json { return say(JSONValue.array(habits.map { $0.json(since: nil) }).asciiText) }
      guard !habits.isEmpty else { return say("No habits yet. Make one: streak habit add reading") }
      let text = TodayText(habits: habits, style: .output)
      for line in text.lines { say(line) }
      say(TextStyle.output.dim(text.total))
    }
  }
}
