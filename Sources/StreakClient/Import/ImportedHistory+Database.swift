internal import SQLite
internal import StreakDomain

extension ImportedHistory {
  static func readDatabase(_ path: String) throws(Failure) -> ImportedHistory {
    do throws(SQLiteError) {
      let database = try SQLiteDatabase(path: path, access: .readOnly)
      let tables = Set(
        try database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'").compactMap { $0[0].text })
      if tables.isSuperset(of: ["Habits", "Repetitions"]) { return try loop(database) }
      if tables.isSuperset(of: ["tracks", "ticks"]) { return try tickmate(database) }
    } catch {
      throw Failure(message: "\(path): \(error.message)")
    }
    throw Failure(message: "\(path) is a database of none of the known programs: Loop, Tickmate.")
  }

  private static func columns(of table: String, _ database: SQLiteDatabase) throws(SQLiteError) -> Set<String> {
    Set(try database.rows("SELECT name FROM pragma_table_info(?)", .text(table)).compactMap { $0[0].text })
  }

  /// Loop: days are moments, midnight in UTC. Newer versions keep a value: 2 is a day that the person checked; of numbers, which stand in
  /// thousandths, those that reach the target.
  private static func loop(_ database: SQLiteDatabase) throws(SQLiteError) -> ImportedHistory {
    var history = ImportedHistory(source: .loopDatabase)
    let (habitColumns, dayColumns) = (
      try columns(of: "Habits", database), try columns(of: "Repetitions", database)
    )
    let isNumber = habitColumns.contains("type") ? "h.type = 1" : "0"
    let target = habitColumns.contains("target_value") ? "h.target_value" : "1"
    let value = dayColumns.contains("value") ? "r.value" : "2"
    let note = dayColumns.contains("notes") ? "r.notes" : "NULL"
    var places: [Int64: Int] = [:]
    let habits = try database.rows("SELECT Id, name, description, color, archived FROM Habits ORDER BY position, Id")
    for row in habits {
      guard let id = row[0].integer, let name = row[1].text else { continue }
      var habit = Habit(name: name)
      habit.description = row[2].text ?? ""
      // Colours were ARGB once, and are numbers of a palette now, which say nothing elsewhere.
      if let color = row[3].integer, color < 0 { habit.color = UInt32(truncatingIfNeeded: color) & 0xFF_FFFF }
      habit.archived = row[4].integer == 1
      places[id] = history.habits.count
      history.habits.append(habit)
    }
    let days = try database.rows(
      """
      SELECT r.habit, r.timestamp, \(note) FROM Repetitions r JOIN Habits h ON h.Id = r.habit
      WHERE CASE WHEN \(isNumber) THEN \(value) > 0 AND \(value) >= \(target) * 1000 ELSE \(value) = 2 END
      """)
    for row in days {
      guard let place = row[0].integer.flatMap({ places[$0] }), let moment = row[1].integer else { continue }
      history.habits[place].days[LocalTime(occurredAtMilliseconds: moment, zone: "UTC", utcOffsetSeconds: 0).day] =
        row[2].text ?? ""
    }
    return history
  }

  /// Tickmate: days are year, month from 0, day of the month.
  private static func tickmate(_ database: SQLiteDatabase) throws(SQLiteError) -> ImportedHistory {
    var history = ImportedHistory(source: .tickmate)
    var places: [Int64: Int] = [:]
    for row in try database.rows("SELECT _id, name, description, enabled FROM tracks ORDER BY \"order\", _id") {
      guard let id = row[0].integer, let name = row[1].text else { continue }
      var habit = Habit(name: name)
      habit.description = row[2].text ?? ""
      habit.archived = row[3].integer == 0
      places[id] = history.habits.count
      history.habits.append(habit)
    }
    for row in try database.rows("SELECT _track_id, year, month, day FROM ticks") {
      guard let place = row[0].integer.flatMap({ places[$0] }), let year = row[1].integer, let month = row[2].integer,
        let dayOfMonth = row[3].integer, (0...11).contains(month), (1...9_999).contains(year),
        (1...31).contains(dayOfMonth),
        let day = Day(year: Int(year), month: Int(month) + 1, day: Int(dayOfMonth))
      else { continue }
      history.habits[place].days[day] = ""
    }
    return history
  }
}
