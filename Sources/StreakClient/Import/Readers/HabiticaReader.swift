internal import ProtobufCodec

/// Habitica's user data as JSON, or its answer about tasks: dailies and habits with their history.
enum HabiticaReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .json(let root) = file.content, let tasks = tasks(root) else { return nil }
    var found = TrackerFile(source: .habitica)
    found.repetition = .ticks
    let preferences = root["preferences"] ?? root["data"]?["preferences"]
    // JavaScript's sign: minutes west of UTC.
    let offset = preferences?["timezoneOffset"]?.integer.flatMap {
      (-1_440...1_440).contains($0) ? Int32(-$0 * 60) : nil
    }
    let dayStart = min(max(preferences?["dayStart"]?.integer ?? 0, 0), 23) * 3_600_000
    var others = 0
    for (index, task) in tasks.enumerated() {
      let type = task.text("type")
      guard type == "daily" || type == "habit" else {
        others += 1
        continue
      }
      let place = found.habits.count
      found.habits.append(habit(task, place: "tasks, entry \(index + 1)"))
      var previous = 0.0
      for (number, item) in (task["history"]?.items ?? []).enumerated() {
        let entryPlace = "history of \(task.text("text")), entry \(number + 1)"
        defer { previous = item["value"]?.double ?? previous }
        guard let moment = item["date"].flatMap({ JSONDate.moment($0) }) else {
          found.remarks.append(
            ImportRemark("this is no date", habit: task.text("text"), place: entryPlace, detail: item.text("date")))
          continue
        }
        var record = TrackerRecord(
          habit: place, day: .moment(moment - dayStart, utcOffsetSeconds: offset), value: .notDone, place: entryPlace)
        let rises = item["value"]?.double.map { $0 > previous } ?? false
        if type == "daily" {
          record.value = item["completed"]?.bool ?? rises ? .done : .notDone
        } else if let up = item["scoredUp"]?.double {
          let down = item["scoredDown"]?.double ?? 0
          record.value = up > 0 ? .amount(up) : .notDone
          if down > 0, found.habits[place].goal == .slips {
            record.value = .amount(down)
          } else if down > 0 {
            record.note = "scored down \(down.shortText) times"
          }
        } else {
          record.value = rises ? .done : .notDone
        }
        found.records.append(record)
      }
    }
    guard !found.habits.isEmpty else {
      throw .init(message: "\(file.name) holds no dailies and no habits of Habitica.")
    }
    if others > 0 {
      found.remarks.append(ImportRemark("to-dos and rewards are no habits and were not taken", detail: "\(others)"))
    }
    return found
  }

  /// The tasks at any of their possible places: one list, or one list per kind.
  private static func tasks(_ root: JSONValue) -> [JSONValue]? {
    let holder = root["tasks"] ?? root["data"]?["tasks"] ?? root["data"] ?? root
    if let items = holder.items {
      return items.contains { $0["type"] != nil && $0["text"] != nil } ? items : nil
    }
    let kinds = ["dailys", "habits", "todos", "rewards"]
    let lists = kinds.compactMap { holder[$0]?.items }
    guard holder["dailys"] != nil || holder["todos"] != nil, !lists.isEmpty else { return nil }
    return kinds.flatMap { kind in
      (holder[kind]?.items ?? []).map { task in
        guard task["type"] == nil, let members = task.members else { return task }
        let type = kind == "dailys" ? "daily" : String(kind.dropLast())
        return .object(members + [.init(name: "type", value: .string(type))])
      }
    }
  }

  private static func habit(_ task: JSONValue, place: String) -> TrackerHabit {
    var habit = TrackerHabit(name: task.text("text"))
    habit.place = place
    habit.description = task.text("notes")
    habit.unit = "times"
    habit.goal = .atLeast(1)
    habit.hasReminder = !(task["reminders"]?.items ?? []).isEmpty
    if task.text("type") == "habit" {
      if task["up"]?.bool == false, task.isTrue("down") { habit.goal = .slips }
      return habit
    }
    let every = Int(clamping: task["everyX"]?.integer ?? 1)
    let weekdays = task["repeat"]?.members?.count { $0.value.bool == true } ?? 7
    switch task.text("frequency") {
    case "weekly" where every > 1: habit.rhythm = "every \(every) weeks"
    case "weekly" where weekdays < 7: habit.rhythm = "on \(weekdays) weekdays"
    case "monthly": habit.rhythm = "every month"
    case "yearly": habit.rhythm = "every year"
    case "daily": habit.rhythm = Rhythm.words(times: 1, days: every)
    default: break
    }
    return habit
  }
}

/// Habitica's history.csv. A row's value is a score that rises on days when the task was done and
/// falls on others.
enum HabiticaHistoryReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, let header = table.rows.first,
      header.fields.map(\.trimmed).starts(with: ["Task Name", "Task ID", "Task Type", "Date", "Value"])
    else { return nil }
    var found = TrackerFile(source: .habiticaHistory)
    found.repetition = .ticks
    var places: [String: Int] = [:]
    var scores: [Double] = []
    for row in table.rows.dropFirst() {
      guard row.fields.count >= 5, let score = Double(row.field(4)) else {
        found.remarks.append(ImportRemark("the row is cut or has no value, and was not taken", place: row.place))
        continue
      }
      found.remarks += [table.surplus(of: row, below: header, habit: row.field(0))].compactMap { $0 }
      let place = places[row.field(1)] ?? found.habits.count
      if places.updateValue(place, forKey: row.field(1)) == nil {
        var habit = TrackerHabit(name: row.field(0))
        habit.place = row.place
        found.habits.append(habit)
        scores.append(0)
      }
      found.records.append(
        TrackerRecord(
          habit: place, day: .text(row.field(3)), value: score > scores[place] ? .done : .notDone, place: row.place))
      scores[place] = score
    }
    found.remarks.append(
      ImportRemark(
        "this file has scores: a day on which the score rose is taken as done. The user data as JSON says it exactly"))
    return found
  }
}
