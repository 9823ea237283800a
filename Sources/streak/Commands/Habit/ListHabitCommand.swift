import ArgumentParser
import ProtobufCodec
import StreakClient

struct ListHabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the habits, one a line.")

  @Flag(help: "Also those that were put away.")
  var all = false

  @Flag(help: "Write them as JSON.")
  var json = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run { client, _ in
      let habits = try await client.habits(includingArchived: all)
      if json { return say(JSONValue.array(habits.map { $0.json(since: nil) }).asciiText) }
      for habit in habits {
        say(habit.fields.name.plain + (habit.fields.archived ? " (archived)" : ""))
      }
    }
  }
}
