import ArgumentParser

struct HabitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "habit", abstract: "Makes, lists, changes, orders, archives and deletes habits.",
    subcommands: [
      AddHabitCommand.self, ListHabitCommand.self, EditHabitCommand.self, RenameHabitCommand.self,
      MoveHabitCommand.self, ArchiveHabitCommand.self, DeleteHabitCommand.self,
    ])
}
