import ArgumentParser
import StreakClient

struct AddHabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "add", abstract: "Makes a habit.")

  @Argument(help: "Its name.")
  var name: String

  @Option(help: "More about it.")
  var description: String = ""

  @Flag(help: "Do not try to reach the server now.")
  var offline = false

  @Option(help: "Its colour, six hexadecimal digits such as 33aa77.")
  var color: ColorArgument?

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      if let known = try await client.habit(named: name) {
        let name = known.fields.name.plain
        throw CommandFailure(
          known.fields.archived
            ? "There is an archived habit \"\(name)\": take it out with streak habit archive --undo \"\(name)\", or take another name."
            : "There is a habit \"\(name)\" already.")
      }
      try await client.addHabit(name, description: description, color: color?.value ?? 0)
      say("\(name.plain): made.")
      try await Streak.sendSoon(client, hasServer, offline)
    }
  }
}
