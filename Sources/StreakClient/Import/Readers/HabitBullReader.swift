/// HabitBull's CSV: one row for each habit and day. Columns differ by version and are found by
/// their names.
enum HabitBullReader: HistoryReader {
  /// HabitBull's mark for a day without a value: anything below this.
  private static let noValue = -2e9

  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, let header = table.rows.first else { return nil }
    let columns = Dictionary(
      header.fields.enumerated().map { ($1.trimmed.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    guard let name = columns["habitname"], let value = columns["value"],
      columns["habitdescription"] != nil || columns["habitcategory"] != nil,
      let date = columns["calendardate"] ?? columns["date"]
    else { return nil }
    var found = TrackerFile(source: .habitBull)
    let used = [name, value, date] + ["habitdescription", "habitcategory", "commenttext"].compactMap { columns[$0] }
    for column in 0..<header.width where !used.contains(column) {
      let count = table.rows.dropFirst().count { !$0.field(column).isEmpty }
      guard count > 0 else { continue }
      found.remarks.append(ImportRemark("a column is not kept", detail: "\(header.field(column)), \(count) values"))
    }
    var places: [String: Int] = [:]
    for row in table.rows(below: header, note: columns["commenttext"]) {
      let habitName = row.field(name)
      guard row.fields.count > value, row.fields.count > date else {
        found.remarks.append(
          ImportRemark("the row is cut and was not taken", habit: habitName.isEmpty ? nil : habitName, place: row.place)
        )
        continue
      }
      guard !habitName.isEmpty else {
        found.remarks.append(ImportRemark("the row names no habit", place: row.place, detail: row.field(date)))
        continue
      }
      found.remarks += [table.surplus(of: row, below: header, habit: habitName)].compactMap { $0 }
      let place = places[habitName] ?? found.habits.count
      if places.updateValue(place, forKey: habitName) == nil {
        var habit = TrackerHabit(name: habitName)
        habit.description = row.field(columns["habitdescription"])
        habit.place = row.place
        found.habits.append(habit)
        let category = row.field(columns["habitcategory"])
        if !category.isEmpty {
          found.remarks.append(ImportRemark("its category is not kept", habit: habitName, detail: category))
        }
      }
      let text = row.field(value)
      if text.isEmpty { found.remarks.append(ImportRemark("the row has no value", habit: habitName, place: row.place)) }
      let isNone = Double(text).map { $0 < noValue } ?? false
      found.records.append(
        TrackerRecord(
          habit: place, day: .text(row.field(date)), value: isNone ? .unknown : .word(text),
          note: row.field(columns["commenttext"]), place: row.place))
    }
    return found
  }
}
