import ArgumentParser
import Glibc
import StreakClient
import StreakDomain

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes everything the server holds about you into a JSON file.",
    discussion:
      "What waits here is sent first. The file appears whole or not at all; after a cut the same command goes on where it was."
  )

  @Option(help: "The file.")
  var out: String

  @OptionGroup var options: ClientOptions

  func run() async throws {
    try await options.run(needsServer: true) { client, _ in
      say("\(out)  \(try await client.export(to: out)) bytes")
    }
  }
}

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Records the history of another habit tracker.",
    discussion: """
      Reads databases of Loop Habit Tracker and Tickmate (.db) and CSV files of Loop (Checkmarks.csv) and HabitBull; it tells them by their content. \
      All of it is recorded or nothing; again, it adds nothing. Old days are kept and shown, but only what is recent enough counts.
      """)

  @Argument(help: "The file.")
  var file: String

  @Flag(help: "Only say what is in it.")
  var dryRun = false

  @OptionGroup var options: ClientOptions

  func run() async throws {
    guard access(file, R_OK) == 0 else { throw Complaint("\(file): \(String(cString: strerror(errno)))", EX_NOINPUT) }
    let history: ImportedHistory
    do throws(ImportedHistory.Failure) { history = try ImportedHistory(readingFile: file) } catch {
      throw Complaint(error.message, EX_DATAERR)
    }
    say("\(history.source.rawValue): \(history.habits.count) habits")
    for habit in history.habits {
      let (first, last) = (habit.days.keys.min(), habit.days.keys.max())
      let range = first.map { " from \($0) to \(last ?? $0)" } ?? ""
      say("  \(habit.name): \(habit.days.count) days\(range)")
    }
    guard !dryRun else { return }
    try await options.run(timeoutMilliseconds: 60_000) { client, hasServer in
      let report = try await client.importHistory(history)
      say("\(report.habitsMade) habits made, \(report.daysAdded) days added, \(report.daysKnown) known already.")
      if report.daysThatWillNotCount > 0 {
        say("\(report.daysThatWillNotCount) of them are too old to count in an account: they are kept and shown.")
      }
      for (name, days) in report.refused.sorted(by: { $0.key < $1.key }) {
        say("\(name): \(days.count) days cannot be recorded, such as \(days.first.map(\.description) ?? "").")
      }
      try await Streak.sendSoon(client, hasServer, false)
    }
  }
}
