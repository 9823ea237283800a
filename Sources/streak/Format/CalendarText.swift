import StreakClient

/// One habit's last weeks: a column for each week, a row for each weekday. Weeks that do not fit
/// into the line follow below.
struct CalendarText {
  private let habit: HabitView
  private let weeks: Int
  private let style: TextStyle

  private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  /// The space to the left of a row's first week.
  private static let margin = "      "

  init(_ habit: HabitView, weeks: Int, style: TextStyle) {
    self.habit = habit
    self.weeks = weeks
    self.style = style
  }

  /// The first day shown.
  var firstDay: Day { last.advanced(by: 1 - last.weekday - 7 * (weeks - 1)) }

  /// A day after today is shown if another zone has reached it and it is done.
  private var last: Day { max(habit.today, habit.cells.filter(\.value.done).keys.max() ?? habit.today) }

  /// The meaning of the signs; nil if no sign is shown.
  static func legend(_ habits: [HabitView], _ style: TextStyle) -> String? {
    guard !habits.isEmpty else { return nil }
    let isUncounted = habits.contains { habit in habit.cells.values.contains { $0.done && $0.trust != .counted } }
    let signs = style.signs
    var parts = ["\(signs.done) done"]
    if isUncounted { parts.append("\(signs.uncounted) done, kept without counting") }
    parts += ["\(signs.today) today", "\(signs.open) not done"]
    return parts.joined(separator: "   ")
  }

  var text: String {
    let name = style.bold(style.colored(habit.fields.name.plain, habit.fields.color))
    let title =
      "\(name)\(habit.fields.archived ? " (archived)" : "")  \(habit.streak.summary) "
      + style.dim("Longest \(habit.streak.longest), total \(habit.streak.total).")
    return ([title] + bands.flatMap { rows(of: $0) }).joined(separator: "\n") + "\n"
  }

  /// Columns of a week: two, with a space between weeks, if they fit.
  private var weekColumns: Int { 2 * weeks <= room + 1 ? 2 : 1 }

  private var room: Int { max(1, style.columns - Self.margin.count) }

  /// The weeks of each block of rows.
  private var bands: [Range<Int>] {
    let fitting = weekColumns == 2 ? weeks : room
    return stride(from: 0, to: weeks, by: fitting).map { $0..<min(weeks, $0 + fitting) }
  }

  private func rows(of band: Range<Int>) -> [String] {
    let separator = weekColumns == 2 ? " " : ""
    var rows = [Self.margin + header(of: band)]
    for weekday in 0..<7 {
      let signs = band.map { sign(firstDay.advanced(by: 7 * $0 + weekday)) }
      let shown = signs.reversed().drop { $0 == " " }.reversed()
      rows.append("  \(Self.weekdays[weekday]) " + shown.joined(separator: separator))
    }
    return rows
  }

  /// The months, above the columns in which they begin, as far as their names fit.
  private func header(of band: Range<Int>) -> String {
    var line = ""
    var month = 0
    for (place, week) in band.enumerated() {
      let civil = firstDay.advanced(by: 7 * week).civil
      guard civil.month != month else { continue }
      let column = weekColumns * place
      month = civil.month
      guard line.isEmpty || line.count < column, column + 3 <= room else { continue }
      line += String(repeating: " ", count: column - line.count) + Self.months[civil.month - 1]
    }
    return line
  }

  /// Done, done without counting, undone or noted, nothing, not yet.
  private func sign(_ day: Day) -> String {
    guard day <= last else { return " " }
    let signs = style.signs
    guard let cell = habit.cells[day], cell.done else {
      return style.dim(day == habit.today ? signs.today : signs.open)
    }
    guard cell.trust == .counted else { return signs.uncounted }
    return style.colored(signs.done, habit.fields.color == 0 ? 0x33_AA_77 : habit.fields.color)
  }
}
