import StreakClient

/// Each habit on one line: whether today is done, and how long its streak is.
struct TodayText {
  let habits: [HabitView]
  let style: TextStyle

  var lines: [String] {
    let width = habits.map(\.fields.name.plain.count).max() ?? 0
    return habits.map { habit in
      let name = habit.fields.name.plain
      let space = String(repeating: " ", count: width - name.count)
      let sign = habit.isDoneToday ? style.colored(style.signs.done, habit.fields.color) : style.signs.today
      return "\(sign) \(style.bold(name))\(space)  \(habit.streak.short)"
    }
  }

  var total: String {
    let done = habits.count(where: \.isDoneToday)
    return "\(done) of \(habits.count) done."
  }
}

extension HabitView {
  var isDoneToday: Bool { cells[today]?.done == true }
}
