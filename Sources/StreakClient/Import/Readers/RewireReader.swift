/// A backup of Rewire: an SQLite file. Days are YYYYMMDD.
enum RewireReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard let tables = try file.tables(), tables.has("habits", "checkins") else { return nil }
    var found = TrackerFile(source: .rewire)
    var places: [Int64: Int] = [:]
    let habits = try tables.rows(
      "Habits",
      ["_id", "Name", "description", "archived", "schedule", "active_days", "days", "period", "repeating_count"],
      order: ["Order_num", "_id"])
    found.remarks += habits.remarks
    for row in habits.rows {
      guard let id = row.integer("_id") else { continue }
      places[id] = found.habits.count
      var habit = TrackerHabit(name: row.text("Name"))
      habit.place = row.place
      habit.description = row.text("description")
      habit.archived = row.integer("archived") == 1
      habit.rhythm = rhythm(row)
      found.habits.append(habit)
    }
    let checkIns = try tables.rows("CHECKINS", ["Habit_id", "date", "type", "note"], order: ["date", "_id"])
    found.remarks += checkIns.remarks
    for row in checkIns.rows {
      guard let place = row.integer("Habit_id").flatMap({ places[$0] }) else {
        found.remarks.append(
          ImportRemark("the day belongs to no habit of the file", place: row.place, detail: row.text("date")))
        continue
      }
      let value: TrackerValue =
        switch row.integer("type") {
        case 2: .done
        case 3: .skipped
        default: .notDone
        }
      found.records.append(
        TrackerRecord(
          habit: place, day: .text(row.text("date")), value: value, note: row.text("note"), place: row.place))
    }
    guard tables.has("reminders") else { return found }
    for row in try tables.rows("REMINDERS", ["habit_id", "time"]).rows {
      if let place = row.integer("habit_id").flatMap({ places[$0] }) { found.habits[place].hasReminder = true }
    }
    return found
  }

  /// The weekdays, the number of days in a period, or the interval in days.
  private static func rhythm(_ row: DatabaseRow) -> String {
    let periods = [7, 31, 365]
    switch row.integer("schedule") {
    case 0:
      let days = row.text("active_days").split(separator: ",").count
      return days == 0 || days >= 7 ? "" : "on \(days) weekdays"
    case 1:
      let period = Int(clamping: row.integer("period") ?? 0)
      return periods.indices.contains(period)
        ? Rhythm.words(times: Int(clamping: row.integer("days") ?? 0), days: periods[period]) : ""
    case 2: return Rhythm.words(times: 1, days: Int(clamping: row.integer("repeating_count") ?? 0))
    default: return ""
    }
  }
}
