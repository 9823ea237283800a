/// A table of any program with a row for each habit and day; its columns are found by their names.
enum ListReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, let header = table.rows.first,
      let habit = ColumnNames.column(header, ColumnNames.habit),
      let date = ColumnNames.column(header, ColumnNames.date),
      habit != date, table.rows.dropFirst().contains(where: { DateText($0.field(date)) != nil })
    else { return nil }
    var found = TrackerFile(source: .list)
    found.repetition = .ticks
    let amount = ColumnNames.column(header, ColumnNames.amount)
    let done = ColumnNames.column(header, ColumnNames.done)
    let note = ColumnNames.column(header, ColumnNames.note)
    let time = ColumnNames.column(header, ColumnNames.time)
    let value = DoneAndAmount(done: done, amount: amount)
    var places: [String: Int] = [:]
    for row in table.rows(below: header, note: note) {
      let name = row.field(habit)
      guard !name.isEmpty else {
        found.remarks.append(ImportRemark("the row names no habit", place: row.place, detail: row.field(date)))
        continue
      }
      guard row.fields.count > max(date, done ?? amount ?? 0) else {
        found.remarks.append(ImportRemark("the row is cut and was not taken", habit: name, place: row.place))
        continue
      }
      found.remarks += [table.surplus(of: row, below: header, habit: name)].compactMap { $0 }
      let place = places[name] ?? found.habits.count
      if places.updateValue(place, forKey: name) == nil {
        var habit = TrackerHabit(name: name)
        habit.place = row.place
        found.habits.append(habit)
      }
      var record = TrackerRecord(
        habit: place, day: .text(row.field(date)), value: value.value(of: row, habit: name, &found.remarks),
        note: row.field(note), place: row.place)
      if record.value == .word("") {
        found.remarks.append(ImportRemark("the row has no value", habit: name, place: row.place))
      }
      if let clock = DateText("2000-01-01 \(row.field(time))"), clock.secondsOfDay != nil {
        record.time = clock.time
      } else if !row.field(time).isEmpty {
        found.remarks.append(
          ImportRemark("its time of day is not kept", habit: name, place: row.place, detail: row.field(time)))
      }
      found.records.append(record)
    }
    let used = [habit, date, amount, done, note, time].compactMap { $0 }
    for column in header.fields.indices where !used.contains(column) {
      let count = table.rows.dropFirst().count { !$0.field(column).isEmpty }
      if !header.field(column).isEmpty {
        found.remarks.append(ImportRemark("a column is not kept", detail: header.field(column)))
      } else if count > 0, column < header.width {
        found.remarks.append(
          ImportRemark("column \(column + 1) has no name and is not taken", detail: "\(count) values"))
      }
    }
    return found
  }
}
