internal import StreakDomain

extension ImportedHistory {
  /// Reads a CSV file of HabitBull, or the checkmarks of Loop.
  /// - Parameter bytesMax: Bytes of the largest file that is read.
  public init(csv bytes: [UInt8], bytesMax: Int = Self.csvBytesMax) throws(Failure) {
    guard bytes.count <= bytesMax else { throw Failure(message: "The file is larger than \(bytesMax) bytes.") }
    guard let rows = CSVRows.of(bytes), let header = rows.first else {
      throw Failure(message: "The file is no CSV file.")
    }
    if header.starts(with: ["HabitName", "HabitDescription", "HabitCategory", "CalendarDate", "Value"]) {
      self = Self.habitBull(rows.dropFirst())
    } else if header.first == "Date", header.count > 1 {
      self = try Self.loopCheckmarks(header, rows.dropFirst())
    } else {
      throw Failure(
        message: "The file is none of those known: Loop (.db, Checkmarks.csv), HabitBull (.csv), Tickmate (.db).")
    }
  }

  /// One row for each habit and day; a value above 0 means that it was done.
  private static func habitBull(_ rows: ArraySlice<[String]>) -> ImportedHistory {
    var history = ImportedHistory(source: .habitBull)
    var places: [String: Int] = [:]
    for row in rows where row.count >= 5 && !row[0].isEmpty {
      let place =
        places[row[0]]
        ?? {
          var habit = Habit(name: row[0])
          habit.description = row[1]
          history.habits.append(habit)
          return history.habits.count - 1
        }()
      places[row[0]] = place
      guard let day = day(row[3]), let value = Int64(row[4]), value > 0 else { continue }
      history.habits[place].days[day] = row.count > 5 ? row[5] : ""
    }
    return history
  }

  /// YYYY-MM-DD, or M/D/YYYY.
  private static func day(_ text: String) -> Day? {
    if let day = Day(iso: text) { return day }
    let parts = text.split(separator: "/").map { Int($0) }
    guard parts.count == 3, let month = parts[0], let day = parts[1], let year = parts[2] else { return nil }
    return Day(year: year, month: month, day: day)
  }

  /// One row for each day, one column for each habit. What Loop filled in by itself (YES_AUTO, 1) was not done by the person.
  private static func loopCheckmarks(
    _ header: [String], _ rows: ArraySlice<[String]>
  ) throws(Failure) -> ImportedHistory {
    var history = ImportedHistory(source: .loopCheckmarks)
    // Rows end in a comma, which makes a last, nameless column.
    let columns = header.indices.dropFirst().filter { !header[$0].isEmpty }
    history.habits = columns.map { Habit(name: header[$0]) }
    for row in rows {
      guard let day = Day(iso: row[0]) else { throw Failure(message: "\(row[0]) is no date.") }
      for (place, column) in columns.enumerated() where column < row.count {
        if row[column] == "YES_MANUAL" || row[column] == "2" { history.habits[place].days[day] = "" }
      }
    }
    return history
  }
}
