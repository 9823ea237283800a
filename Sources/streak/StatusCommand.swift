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
        if let habit { try await client.habits(meant: habit) } else { try await client.habits(includingArchived: all) }
      let kept = try await client.accounts().filter { !$0.isCurrent && !$0.isUnknownToServer }
      if shown.isEmpty, let account = kept.first, try await !client.accounts().contains(where: \.isCurrent) {
        say("No habits without an account. Those of \(account.email) are kept here: streak login \(account.email)")
      } else if shown.isEmpty {
        say("No habits yet. Make one: streak habit add reading")
      }
      for view in shown {
        let calendar = Calendar(view, weeks: weeks)
        say(calendar.text)
        if habit != nil { sayDetails(of: view, since: calendar.firstDay) }
      }
      if let legend = Calendar.legend(shown) { say(Terminal.dim(legend)) }
      try await showAccount(client)
    }
  }

  /// What there is to read about one habit.
  private func sayDetails(of habit: HabitView, since firstDay: Day) {
    if !habit.fields.description.isEmpty { say("  " + Terminal.plain(habit.fields.description)) }
    for note in habit.notes where note.day >= firstDay { say("  " + note.text) }
    let reasons = habit.cells.filter { $0.key >= firstDay && $0.value.done }.sorted { $0.key > $1.key }
    for (day, cell) in reasons {
      if case .quarantined(let reason) = cell.trust { say("  \(day) does not count: \(reason.explanation)") }
    }
  }

  private func showAccount(_ client: StreakClient) async throws {
    let accounts = try await client.accounts()
    guard let account = accounts.first(where: \.isCurrent) else {
      let kept = accounts.filter { !$0.isUnknownToServer }
      let waiting = kept.reduce(0) { $0 + $1.waiting }
      let others = waiting == 0 ? "" : " \(waiting) changes of other accounts on this device wait for a login."
      say(Terminal.dim("No account: everything is on this device only.\(others)"))
      for account in kept {
        say(
          Terminal.dim(
            "Signed out of \(account.email): what was recorded there is kept here; streak login \(account.email)"))
      }
      if accounts.contains(where: \.isUnknownToServer) { say(ClientError.accountUnknown.description) }
      return
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

  /// The first day shown.
  var firstDay: Day { monday }

  /// Days after today are shown where another zone has them already.
  private var last: Day { max(habit.today, habit.cells.filter(\.value.done).keys.max() ?? habit.today) }
  private var monday: Day { last.advanced(by: 1 - last.weekday - 7 * (weeks - 1)) }

  /// What the signs mean that are not plain by themselves.
  static func legend(_ habits: [HabitView]) -> String? {
    guard !habits.isEmpty else { return nil }
    let isUncounted = habits.contains { habit in habit.cells.values.contains { $0.done && $0.trust != .counted } }
    let signs = Terminal.isRich ? ("■", "□", "○", "·") : (nil, "?", "o", ".")
    var parts = signs.0.map { ["\($0) done"] } ?? []
    if isUncounted { parts.append("\(signs.1) done, kept without counting") }
    parts += ["\(signs.2) today", "\(signs.3) not done"]
    return parts.joined(separator: "   ")
  }

  var text: String {
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
