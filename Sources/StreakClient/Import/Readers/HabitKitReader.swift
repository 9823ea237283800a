internal import ProtobufCodec
internal import StreakDomain

/// HabitKit's JSON: habits, completions with a moment and its UTC offset, and goals that apply for
/// a time.
enum HabitKitReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .json(let root) = file.content, let habits = root["habits"]?.items,
      root["completions"]?.items != nil || root["intervals"]?.items != nil
        || habits.contains(where: { $0["orderIndex"] != nil })
    else { return nil }
    var found = TrackerFile(source: .habitKit)
    found.repetition = .ticks
    var intervals: [String: [Interval]] = [:]
    for item in root["intervals"]?.items ?? [] { intervals[item.text("habitId"), default: []].append(Interval(item)) }
    let reminded = Set((root["reminders"]?.items ?? []).map { $0.text("habitId") })
    var places: [String: Int] = [:]
    let sorted = habits.enumerated().sorted {
      ($0.element["orderIndex"]?.integer ?? Int64($0.offset), $0.offset)
        < ($1.element["orderIndex"]?.integer ?? Int64($1.offset), $1.offset)
    }
    for (index, item) in sorted {
      var habit = TrackerHabit(name: item.text("name"))
      habit.place = "habits, entry \(index + 1)"
      habit.description = item.text("description")
      habit.color = NamedColors.color(item.text("color"))
      habit.archived = item.isTrue("archived")
      habit.unit = "times"
      habit.hasReminder = reminded.contains(item.text("id"))
      let last = intervals[item.text("id")]?.max { $0.start ?? .min < $1.start ?? .min }
      habit.goal = item.isTrue("isInverse") ? .slips : .atLeast(last?.timesADay ?? 1)
      habit.rhythm = last?.rhythm ?? ""
      places[item.text("id")] = found.habits.count
      found.habits.append(habit)
    }
    for (index, item) in (root["completions"]?.items ?? []).enumerated() {
      let place = "completions, entry \(index + 1)"
      guard let habit = places[item.text("habitId")] else {
        found.remarks.append(
          ImportRemark("the completion belongs to no habit of the file", place: place, detail: item.text("date")))
        continue
      }
      guard let date = item["date"],
        let day = JSONDate.day(date, offsetMinutes: item["timezoneOffsetInMinutes"]?.integer)
      else {
        found.remarks.append(
          ImportRemark("this is no date", habit: found.habits[habit].name, place: place, detail: item.text("date")))
        continue
      }
      var record = TrackerRecord(
        habit: habit, day: day, value: .amount(item["amountOfCompletions"]?.double ?? 1), note: item.text("note"),
        place: place)
      if found.habits[habit].goal != .slips, let moment = JSONDate.moment(date) {
        let interval = intervals[item.text("habitId")]?.last { $0.holds(at: moment) }
        record.goal = interval.map { .atLeast($0.timesADay) }
      }
      found.records.append(record)
    }
    let categories = (root["categories"]?.items ?? []).map { $0.text("name") }.filter { !$0.isEmpty }
    if !categories.isEmpty {
      found.remarks.append(ImportRemark("categories are not kept", detail: categories.joined(separator: ", ")))
    }
    return found
  }

  /// A goal, and the time during which it applies.
  private struct Interval {
    var start: Int64?
    var end: Int64?
    var timesADay: Double
    var rhythm: String

    init(_ item: JSONValue) {
      start = item["startDate"].flatMap { JSONDate.moment($0) }
      end = item["endDate"].flatMap { JSONDate.moment($0) }
      timesADay = max(1, item["requiredNumberOfCompletionsPerDay"]?.double ?? 1)
      let times = Int(clamping: item["requiredNumberOfCompletions"]?.integer ?? 0)
      rhythm =
        switch item.text("type") {
        case "week": Rhythm.words(times: times, days: 7)
        case "month": Rhythm.words(times: times, days: 30)
        default: ""
        }
    }

    func holds(at moment: Int64) -> Bool { start ?? .min <= moment && moment < end ?? .max }
  }
}

/// Dates in JSON: moments as numbers, or as ISO 8601 text.
enum JSONDate {
  /// Milliseconds since 1970; a number below 10^11 counts seconds.
  static func moment(_ value: JSONValue) -> Int64? {
    if let number = value.double, number.magnitude < 1e15 {
      return Int64(number.magnitude < 1e11 ? number * 1_000 : number)
    }
    guard let date = value.text.flatMap({ DateText($0) }), case .day(let day) = date.shape else { return nil }
    let seconds = Int64(date.secondsOfDay ?? 0) - Int64(date.utcOffsetSeconds ?? 0)
    return Int64(day.number) * 86_400_000 + seconds * 1_000
  }

  /// The day of a moment at its UTC offset; a date without a time is that day.
  static func day(_ value: JSONValue, offsetMinutes: Int64?) -> TrackerDay? {
    let date = value.text.flatMap { DateText($0) }
    if case .numbers? = date?.shape { return value.text.map { .text($0) } }
    guard let moment = moment(value) else { return nil }
    if let date, date.secondsOfDay == nil, case .day(let day) = date.shape { return .day(day) }
    let isLocal = date.map { $0.utcOffsetSeconds != 0 && $0.secondsOfDay != nil } ?? false
    if isLocal, let date, case .day(let day) = date.shape { return .day(day) }
    let offset = offsetMinutes.flatMap { Int32(exactly: $0) }.flatMap { (-1_440...1_440).contains($0) ? $0 * 60 : nil }
    return .moment(moment, utcOffsetSeconds: offset)
  }
}
