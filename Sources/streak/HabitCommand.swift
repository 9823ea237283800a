import ArgumentParser
import StreakClient
import StreakDomain

struct HabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "habit", abstract: "Makes, lists, renames, archives and deletes habits.",
    subcommands: [Add.self, List.self, Rename.self, Archive.self, Delete.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Makes a habit.")

    @Argument(help: "Its name.")
    var name: String

    @Option(help: "More about it.")
    var description: String = ""

    @Flag(help: "Do not try to reach the server now.")
    var offline = false

    @Option(help: "Its colour, six hexadecimal digits such as 33aa77.")
    var color: String?

    @OptionGroup var options: ClientOptions

    func validate() throws {
      if let color, color.utf8.count != 6 || UInt32(color, radix: 16) == nil {
        throw ValidationError("--color must be six hexadecimal digits.")
      }
    }

    func run() async throws {
      try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
        if let known = try await client.habit(named: name), !known.fields.archived {
          throw Complaint("There is a habit \"\(known.fields.name)\" already.")
        }
        try await client.addHabit(name, description: description, color: color.flatMap { UInt32($0, radix: 16) } ?? 0)
        say("\(name): made.")
        try await Streak.sendSoon(client, hasServer, offline)
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the habits, one a line.")

    @Flag(help: "Also those that were put away.")
    var all = false

    @OptionGroup var options: ClientOptions

    func run() async throws {
      try await options.run { client, _ in
        for habit in try await client.habits(includingArchived: all) {
          say(habit.fields.name + (habit.fields.archived ? " (archived)" : ""))
        }
      }
    }
  }

  struct Rename: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Gives a habit another name.")

    @Argument(help: "Its name, or its beginning.")
    var habit: String

    @Argument(help: "Its new name.")
    var name: String

    @OptionGroup var options: ClientOptions

    func run() async throws {
      try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
        let habit = try await client.habit(meant: habit)
        let name = name
        let others = try await client.habits(includingArchived: true).filter { $0.id != habit.id }
        if let other = others.first(where: { HabitName.normalised($0.fields.name) == HabitName.normalised(name) }) {
          throw Complaint(
            "There is \(other.fields.archived ? "an archived" : "a") habit \"\(other.fields.name)\" already; nothing was renamed."
          )
        }
        try await client.editHabit(habit.id) { $0.name = name }
        say("\(habit.fields.name) is now \(name).")
        try await Streak.sendSoon(client, hasServer, false)
      }
    }
  }

  struct Archive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Puts a habit away: its history stays, its streak is no longer at risk.")

    @Argument(help: "Its name, or its beginning.")
    var habit: String

    @Flag(help: "Take it out again.")
    var undo = false

    @OptionGroup var options: ClientOptions

    func run() async throws {
      try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
        let habit = try await client.habit(meant: habit)
        let isArchived = !undo
        try await client.editHabit(habit.id) { $0.archived = isArchived }
        say("\(habit.fields.name): \(isArchived ? "archived" : "active again").")
        try await Streak.sendSoon(client, hasServer, false)
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Deletes a habit.",
      discussion: """
        With an account its days stay in the ledger and in exports, and if another device used it meanwhile it is archived instead. Without one its \
        days are gone: --yes is needed.
        """)

    @Argument(help: "Its name, whole.")
    var habit: String

    @Flag(help: "Do it.")
    var yes = false

    @OptionGroup var options: ClientOptions

    func run() async throws {
      try await options.run(timeoutMilliseconds: Streak.soonMilliseconds) { client, hasServer in
        let wanted = habit
        let habit = try await client.habit(meant: wanted)
        guard wanted.hasPrefix("@") || HabitName.normalised(habit.fields.name) == HabitName.normalised(wanted) else {
          throw Complaint("There is no habit \"\(wanted)\".")
        }
        guard yes else {
          throw Complaint("This deletes \(habit.fields.name) with \(habit.cells.count) days: say --yes.")
        }
        try await client.deleteHabit(habit.id)
        say("\(habit.fields.name): deleted.")
        try await Streak.sendSoon(client, hasServer, false)
      }
    }
  }
}
