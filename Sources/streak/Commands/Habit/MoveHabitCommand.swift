import ArgumentParser
import StreakClient

struct MoveHabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "move", abstract: "Puts a habit at another place among the others.",
    discussion: "The order holds on all your devices.")

  @Argument(help: "Its name, or its beginning.", completion: .habits)
  var habit: String

  @Flag(help: "Before all others.")
  var first = false

  @Flag(help: "Behind all others.")
  var last = false

  @Option(help: "Before this habit.", completion: .habits)
  var before: String?

  @Option(help: "Behind this habit.", completion: .habits)
  var after: String?

  @OptionGroup var options: ClientOptions

  func validate() throws {
    let places = [first, last, before != nil, after != nil].count { $0 }
    guard places == 1 else { throw ValidationError("Give one of --first, --last, --before HABIT and --after HABIT.") }
  }

  func run() async throws {
    try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
      let moved = try await client.habit(meant: habit)
      var order = try await client.habits(includingArchived: true).map(\.id).filter { $0 != moved.id }
      var place = first ? 0 : order.count
      if let name = before ?? after {
        let other = try await client.habit(meant: name)
        guard let found = order.firstIndex(of: other.id) else {
          throw CommandFailure("A habit has no place beside itself.")
        }
        place = before == nil ? found + 1 : found
      }
      order.insert(moved.id, at: place)
      try await client.orderHabits(order)
      for habit in try await client.habits() { say(habit.fields.name.plain) }
      try await Streak.sendSoon(client, hasServer, false)
    }
  }
}
