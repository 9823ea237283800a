import ArgumentParser
import Glibc
import StreakClient

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Records the history of another habit tracker.",
    discussion: """
      Reads Loop Habit Tracker (.db, the zip of CSV files, Checkmarks.csv), HabitBull (.csv), Tickmate and Rewire (.db), HabitKit, Habitica and \
      Beaver Habits (.json), Habitica's history.csv, Streak's own export, and tables of any program as CSV: with the header date,HABIT,HABIT,... \
      and a row for each day, or with the header habit,date,value,note. Files are recognised by their content. A second import adds nothing.

      Every deviation from the file is listed. Old days are kept and shown, but only what is recent enough counts; \
      --dry-run says beforehand what would come, and what would count.
      """)

  @Argument(help: "The file.")
  var file: String

  @Flag(help: "Only say what is in it, what would come and what would count.")
  var dryRun = false

  @Option(
    help: "How dates such as 01/02/2025 are meant, if the file does not show it: day-first, month-first or year-first.")
  var dates: DateOrderArgument?

  @Option(help: "The habit's name, for a file with the days of one habit and without its name.")
  var name: String?

  @OptionGroup var options: ClientOptions

  func run() async throws {
    guard access(file, R_OK) == 0 else {
      throw CommandFailure("\(file): \(String(cString: strerror(errno)))", EX_NOINPUT)
    }
    var status = stat()
    guard stat(file, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
      throw CommandFailure("\(file) is a folder: name the zip file that it came in, or one file in it.", EX_NOINPUT)
    }
    let history = try read()
    say("\(history.source.rawValue): \(history.habits.count) habits")
    for habit in history.habits { say("  \(habit.summary)") }
    for line in Remarks(history.remarks).text(under: "What the file has and what is not kept, or kept otherwise:") {
      say(line)
    }
    try await options.run(timeoutMilliseconds: 60_000) { client, hasServer in
      let report = try await dryRun ? client.previewImport(history) : client.importHistory(history)
      show(report)
      if !dryRun { try await Streak.sendSoon(client, hasServer, false) }
    }
  }

  /// Reads the file; on a terminal, asks the person for facts that are missing in the file.
  private func read() throws -> ImportedHistory {
    var importOptions = ImportOptions(dateOrder: dates?.order, habitName: name)
    while true {
      do throws(ImportedHistory.Failure) {
        return try ImportedHistory(readingFile: file, options: importOptions)
      } catch {
        guard let question = error.question else { throw CommandFailure(error.message, EX_DATAERR) }
        let isAsked = isatty(STDIN_FILENO) == 1
        switch question {
        case .dateOrder(let orders):
          guard isAsked, let answer = askOrder(error.message, orders) else {
            let options = orders.map { "--dates \($0.rawValue)" }
            throw CommandFailure("\(error.message) Say \(options.joined(separator: " or ")).", EX_DATAERR)
          }
          importOptions.dateOrder = answer
        case .habitName:
          guard isAsked, let answer = ask("\(error.message) The habit's name: ") else {
            throw CommandFailure("\(error.message) To say the name: --name NAME.", EX_DATAERR)
          }
          importOptions.habitName = answer
        }
      }
    }
  }

  /// Asks until the answer is one of the orders; nil at the end of the input.
  private func askOrder(_ message: String, _ orders: [DateOrder]) -> DateOrder? {
    let leaders = orders.map(\.leader)
    var prompt = "\(message) What comes first? [\(leaders.joined(separator: "/"))] "
    while let answer = ask(prompt) {
      let word = answer.lowercased()
      let meant = orders.filter { $0.leader.hasPrefix(word) || $0.rawValue == word }
      if meant.count == 1 { return meant[0] }
      prompt = "Answer with one of these words: \(leaders.joined(separator: ", ")). "
    }
    return nil
  }

  private func ask(_ prompt: String) -> String? {
    let bytes = Array(prompt.utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
    return readLine().flatMap { $0.isEmpty ? nil : $0 }
  }

  private func show(_ report: ImportReport) {
    let would = dryRun ? " would be" : ""
    say("\(report.habitsMade) habits\(would) made, \(report.daysAdded) days added, \(report.daysKnown) known already.")
    if report.notesAdded > 0 { say("\(report.notesAdded) notes\(would) added to days that are known.") }
    if report.daysAdded > 0 {
      let place = report.isInAccount ? "in this account" : "in an account that you make today"
      say("Of the days added \(report.daysThatWillCount) count \(place).")
    }
    if report.daysThatWillNotCount > 0 {
      say("\(report.daysThatWillNotCount) of them are too old to count in an account: they are kept and shown.")
    }
    for line in Remarks(report.remarks).text(under: "What cannot be recorded here:") { say(line) }
  }
}

struct DateOrderArgument: ExpressibleByArgument {
  var order: DateOrder

  init?(argument: String) {
    guard let order = DateOrder(rawValue: argument) else { return nil }
    self.order = order
  }
}
