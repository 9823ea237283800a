import ArgumentParser
import StreakClient
import StreakDomain

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Shows streaks, and a calendar of the last weeks for each habit.")

  @Argument(help: "Only this habit: its name, or its beginning.")
  var habit: String?

  @Option(help: "Weeks to show, 1 to 53.")
  var weeks = 12

  @Flag(help: "Also habits that were put away.")
  var all = false

  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard (1...53).contains(weeks) else { throw ValidationError("--weeks must be from 1 to 53.") }
  }

  func run() async throws {
    try await options.run { client, _ in
      let shown =
        if let habit { [try await client.habit(meant: habit)] } else { try await client.habits(includingArchived: all) }
      if shown.isEmpty { say("No habits yet. Make one: streak habit add reading") }
      for habit in shown { say(Calendar(habit, weeks: weeks).text) }
      try await showAccount(client)
    }
  }

  private func showAccount(_ client: StreakClient) async throws {
    let accounts = try await client.accounts()
    guard let account = accounts.first(where: \.isCurrent) else {
      let waiting = accounts.reduce(0) { $0 + $1.waiting }
      let others = waiting == 0 ? "" : " \(waiting) changes of other accounts on this device wait for a login."
      return say(Terminal.dim("No account: everything is on this device only.\(others)"))
    }
    let waiting = account.waiting == 0 ? "everything is sent" : "\(account.waiting) changes wait to be sent"
    say(Terminal.dim("\(account.email): \(waiting)\(account.isSignedIn ? "" : "; log in again")."))
    let notices = try await client.notices().count + client.rejectedOperations().count
    if notices > 0 { say("\(notices) to look at: streak conflicts") }
  }
}

/// One habit's last weeks: a column for each week, a row for each day of it.
struct Calendar {
  private let habit: HabitView
  private let weeks: Int

  init(_ habit: HabitView, weeks: Int) {
    self.habit = habit
    self.weeks = weeks
  }

  private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  var text: String {
    // Days after today are shown where another zone has them already.
    let last = max(habit.today, habit.cells.filter(\.value.done).keys.max() ?? habit.today)
    let monday = last.advanced(by: 1 - last.weekday - 7 * (weeks - 1))
    let name = Terminal.bold(Terminal.colored(habit.fields.name, habit.fields.color))
    var lines = [
      "\(name)\(habit.fields.archived ? " (archived)" : "")  \(habit.streak.summary) "
        + Terminal.dim("Longest \(habit.streak.longest), total \(habit.streak.total).")
    ]
    lines.append("      " + header(from: monday))
    for weekday in 0..<7 {
      let signs = (0..<weeks).map { sign(monday.advanced(by: 7 * $0 + weekday), last: last) }
      let shown = signs.reversed().drop { $0 == " " }.reversed()
      lines.append("  \(Self.weekdays[weekday]) " + shown.joined(separator: " "))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The months, over the columns in which they begin.
  private func header(from monday: Day) -> String {
    var line = ""
    var month = 0
    for week in 0..<weeks {
      let civil = monday.advanced(by: 7 * week).civil
      if civil.month != month, line.count <= 2 * week {
        line += String(repeating: " ", count: 2 * week - line.count) + Self.months[civil.month - 1]
        month = civil.month
      }
    }
    return line
  }

  /// Done, done without counting, undone or noted, nothing, not yet.
  private func sign(_ day: Day, last: Day) -> String {
    guard day <= last else { return " " }
    guard let cell = habit.cells[day], cell.done else {
      return Terminal.isRich ? Terminal.dim(day == habit.today ? "○" : "·") : day == habit.today ? "o" : "."
    }
    guard cell.trust == .counted else { return Terminal.isRich ? "□" : "?" }
    return Terminal.isRich ? Terminal.colored("■", habit.fields.color == 0 ? 0x33_AA_77 : habit.fields.color) : "#"
  }
}
