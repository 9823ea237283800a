internal import StreakDomain

/// A backup of Loop Habit Tracker: an SQLite file. Days are stored as midnight in UTC.
enum LoopDatabaseReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard let tables = try file.tables(), tables.has("habits", "repetitions") else { return nil }
    var found = TrackerFile(source: .loopDatabase)
    var places: [Int64: Int] = [:]
    let habits = try tables.rows(
      "Habits",
      [
        "Id", "name", "description", "question", "color", "archived", "type", "target_type", "target_value", "unit",
        "freq_num", "freq_den", "reminder_hour",
      ], order: ["position", "Id"])
    found.remarks += habits.remarks
    var isAmount: [Bool] = []
    for row in habits.rows {
      guard let id = row.integer("Id") else { continue }
      places[id] = found.habits.count
      isAmount.append(row.integer("type") == 1)
      found.habits.append(habit(row))
    }
    let days = try tables.rows("Repetitions", ["habit", "timestamp", "value", "notes"], order: ["timestamp", "Id"])
    found.remarks += days.remarks
    for row in days.rows {
      guard let moment = row.integer("timestamp") else {
        found.remarks.append(ImportRemark("the day has no date", place: row.place, detail: row.text("notes")))
        continue
      }
      let day = ClientTime(occurredAt: Instant(milliseconds: moment), zone: "UTC", utcOffsetSeconds: 0).day
      guard let place = row.integer("habit").flatMap({ places[$0] }) else {
        found.remarks.append(
          ImportRemark("the day belongs to no habit of the file", day: day, place: row.place, detail: row.text("notes"))
        )
        continue
      }
      // Older versions had no values: they stored only the days that the person had checked.
      let value = LoopFacts.value(row.integer("value") ?? 2, isAmount: isAmount[place] && row.integer("value") != nil)
      found.records.append(
        TrackerRecord(habit: place, day: .day(day), value: value, note: row.text("notes"), place: ""))
    }
    return found
  }

  private static func habit(_ row: DatabaseRow) -> TrackerHabit {
    var habit = TrackerHabit(name: row.text("name"))
    habit.place = row.place
    habit.description = LoopFacts.description(row.text("description"), question: row.text("question"))
    habit.color = LoopFacts.color(row.integer("color") ?? 0)
    habit.archived = row.integer("archived") == 1
    let (times, days) = (Int(clamping: row.integer("freq_num") ?? 1), Int(clamping: row.integer("freq_den") ?? 1))
    habit.rhythm = Rhythm.words(times: times, days: days)
    habit.hasReminder = row.integer("reminder_hour") != nil
    guard row.integer("type") == 1 else { return habit }
    habit.unit = row.text("unit")
    let amount = row.real("target_value") ?? 0
    let isLimit = row.integer("target_type") == 1
    habit.goal = LoopFacts.goal(isLimit: isLimit, amount: amount, days: days)
    if days > 1 {
      habit.rhythm =
        "in another rhythm (\(isLimit ? "at most" : "at least") \(DayEntry.amountText(amount, habit.unit)) in \(days) days)"
    }
    return habit
  }
}
