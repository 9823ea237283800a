import ArgumentParser
import StreakClient

struct EditHabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "edit", abstract: "Changes a habit's description or colour.")

  @Argument(help: "Its name, or its beginning.", completion: .habits)
  var habit: String

  @Option(help: "More about it; empty: none.")
  var description: String?

  @Option(help: "Its colour, six hexadecimal digits such as 33aa77.")
  var color: ColorArgument?

  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard description != nil || color != nil else { throw ValidationError("Give --description or --color.") }
  }

  func run() async throws {
    let (description, color) = (description, color?.value)
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let habit = try await client.habit(meant: habit)
      try await client.editHabit(habit.id) { fields in
        if let description { fields.description = description }
        if let color { fields.color = color }
      }
      say("\(habit.fields.name.plain): changed.")
      try await Streak.sendSoon(client, hasServer, false)
    }
  }
}

/// A colour as a command line argument.
struct ColorArgument: ExpressibleByArgument {
  let value: UInt32

  init?(argument: String) {
    guard argument.utf8.count == 6, argument.allSatisfy(\.isHexDigit), let value = UInt32(argument, radix: 16) else {
      return nil
    }
    self.value = value
  }
}
