internal import StreakDomain

/// A backup of Tickmate: an SQLite file. A day may have several ticks, each with a time.
enum TickmateReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard let tables = try file.tables(), tables.has("tracks", "ticks") else { return nil }
    var found = TrackerFile(source: .tickmate)
    found.repetition = .ticks
    var places: [Int64: Int] = [:]
    let tracks = try tables.rows("tracks", ["_id", "name", "description", "enabled"], order: ["order", "_id"])
    found.remarks += tracks.remarks
    for row in tracks.rows {
      guard let id = row.integer("_id") else { continue }
      places[id] = found.habits.count
      var habit = TrackerHabit(name: row.text("name"))
      habit.place = row.place
      habit.description = row.text("description")
      habit.archived = row.integer("enabled") == 0
      found.habits.append(habit)
    }
    let ticks = try tables.rows(
      "ticks", ["_track_id", "year", "month", "day", "hour", "minute", "has_time_info"], order: ["_id"])
    found.remarks += ticks.remarks
    for row in ticks.rows {
      func number(_ column: String) -> Int { Int(Int32(clamping: row.integer(column) ?? -1)) }
      let (year, month, day) = (number("year"), number("month"), number("day"))
      guard let place = row.integer("_track_id").flatMap({ places[$0] }) else {
        found.remarks.append(
          ImportRemark(
            "the tick belongs to no track of the file", place: row.place, detail: "\(year)-\(month + 1)-\(day)"))
        continue
      }
      // Months count from 0.
      guard let date = Day(year: year, month: month + 1, day: day) else {
        found.remarks.append(
          ImportRemark(
            "there is no such day", habit: found.habits[place].name, place: row.place,
            detail: "\(year)-\(month + 1)-\(day)"))
        continue
      }
      var record = TrackerRecord(habit: place, day: .day(date), value: .done, place: "")
      if row.integer("has_time_info") == 1, let hour = row.integer("hour"), let minute = row.integer("minute"),
        (0...23).contains(hour), (0...59).contains(minute)
      {
        record.time = "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
      } else if row.integer("has_time_info") == 1 {
        found.remarks.append(
          ImportRemark(
            "its time of day is not kept", habit: found.habits[place].name, day: date, place: row.place,
            detail: "\(row.text("hour")):\(row.text("minute"))"))
      }
      found.records.append(record)
    }
    if tables.has("track2groups"), try !tables.rows("track2groups", ["_track_id"]).rows.isEmpty {
      found.remarks.append(ImportRemark("the groups of its tracks are not kept"))
    }
    return found
  }
}
