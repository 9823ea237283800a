/// The JSON of Beaver Habits: each habit with its records, one for each day.
enum BeaverHabitsReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .json(let root) = file.content, let habits = root["habits"]?.items ?? root.items,
      habits.contains(where: { $0["records"]?.items != nil && $0["name"] != nil })
    else { return nil }
    var found = TrackerFile(source: .beaverHabits)
    for (index, item) in habits.enumerated() {
      var habit = TrackerHabit(name: item.text("name"))
      habit.place = "habits, entry \(index + 1)"
      habit.archived = !["", "normal", "active"].contains(item.text("status"))
      if let times = item["period"]?["target_count"]?.integer, let count = item["period"]?["period_count"]?.integer {
        let days = ["D": 1, "W": 7, "M": 30, "Y": 365][item["period"]?.text("period_type") ?? "D"] ?? 1
        habit.rhythm = Rhythm.words(
          times: Int(clamping: times), days: Int(clamping: count).multipliedReportingOverflow(by: days).partialValue)
      }
      found.habits.append(habit)
      for (number, record) in (item["records"]?.items ?? []).enumerated() {
        found.records.append(
          TrackerRecord(
            habit: index, day: .text(record.text("day")), value: record.isTrue("done") ? .done : .notDone,
            note: record.text("text"), place: "records of \(habit.name), entry \(number + 1)"))
      }
    }
    return found
  }
}
