internal import ProtobufCodec
internal import StreakDomain

/// The JSON document of this service's own export: its habits, days and notes. Everything else in
/// it, with the status of its days, is imported only by `streakctl import`.
enum StreakExportReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .json(let root) = file.content, root["schemaVersion"] != nil, let habits = root["habits"]?.items,
      let ledger = root["ledger"]?.items
    else { return nil }
    var found = TrackerFile(source: .streakExport)
    var places: [String: Int] = [:]
    var deleted: [String: (name: String, days: Int)] = [:]
    for (index, item) in habits.enumerated() {
      guard !item.isTrue("deleted") else {
        deleted[item.text("id")] = (item.text("name"), 0)
        continue
      }
      places[item.text("id")] = found.habits.count
      var habit = TrackerHabit(name: item.text("name"))
      habit.place = "habits, entry \(index + 1)"
      habit.description = item.text("description")
      habit.color = UInt32(clamping: item["color"]?.integer ?? 0)
      habit.archived = item.isTrue("archived")
      found.habits.append(habit)
    }
    for (index, item) in ledger.enumerated() {
      let cell = item["cell"] ?? item
      let place = "ledger, entry \(index + 1)"
      guard let habit = places[cell.text("habitId")] else {
        if deleted[cell.text("habitId")] != nil {
          deleted[cell.text("habitId")]?.days += cell.isTrue("done") ? 1 : 0
        } else {
          found.remarks.append(
            ImportRemark("the day belongs to no habit of the file", place: place, detail: item.text("date")))
        }
        continue
      }
      let day = cell["day"]?.integer.flatMap { Int32(exactly: $0) }.map { TrackerDay.day(Day($0)) }
      found.records.append(
        TrackerRecord(
          habit: habit, day: day ?? .text(item.text("date")), value: cell.isTrue("done") ? .done : .notDone,
          note: cell.text("note"), place: place))
    }
    for habit in deleted.values.sorted(by: { $0.name < $1.name }) {
      found.remarks.append(
        ImportRemark("was deleted and is not taken", habit: habit.name, detail: "\(habit.days) days done"))
    }
    let others = ["history", "notices", "rejectedEntries", "rejectedOperations"].filter {
      !(root[$0]?.items ?? []).isEmpty
    }
    if !others.isEmpty {
      found.remarks.append(
        ImportRemark(
          "earlier states, conflicts and refused entries are not taken; into an empty account streakctl import brings all of the document",
          detail: others.joined(separator: ", ")))
    }
    return found
  }
}
