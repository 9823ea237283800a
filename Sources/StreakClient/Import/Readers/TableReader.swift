/// A table of any program with a row for each day and a column for each habit, or the reverse.
enum TableReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, let header = table.rows.first, header.fields.count > 1 else {
      return nil
    }
    if isMostlyDates(header.fields.dropFirst().map(\.trimmed)) { return rowsOfHabits(table, header) }
    let rows = table.rows.dropFirst()
    let date = ColumnNames.column(header, ColumnNames.date) ?? 0
    let isNamed = ColumnNames.column(header, ColumnNames.date) != nil
    guard rows.isEmpty ? isNamed : isMostlyDates(rows.map { $0.field(date) }) else { return nil }
    return columnsOfHabits(table, header, date: date)
  }

  private static func isMostlyDates(_ texts: [String]) -> Bool {
    let filled = texts.filter { !$0.isEmpty }
    return !filled.isEmpty && 2 * filled.count(where: { DateText($0) != nil }) > filled.count
  }

  /// Whether a field contains a value for a habit's day.
  private static func isValue(_ text: String) -> Bool { CheckWords.value(text) != nil || NumberText(text) != nil }

  private static func columnsOfHabits(_ table: CSVTable, _ header: CSVTable.Row, date: Int) -> TrackerFile? {
    var found = TrackerFile(source: .table)
    let rows = table.rows.dropFirst()
    let width = rows.map(\.fields.count).max() ?? header.fields.count
    var habits: [(column: Int, place: Int)] = []
    var notes: [Int] = []
    for column in 0..<max(width, header.fields.count) where column != date {
      let texts = rows.map { $0.field(column) }.filter { !$0.isEmpty }
      let name = header.field(column)
      if name.isEmpty {
        if !texts.isEmpty {
          found.remarks.append(
            ImportRemark("column \(column + 1) has no name and is not taken", detail: "\(texts.count) values"))
        }
      } else if ColumnNames.note.contains(name.lowercased()) || (!texts.isEmpty && !texts.contains(where: isValue)) {
        notes.append(column)
      } else {
        habits.append((column, found.habits.count))
        var habit = TrackerHabit(name: name)
        habit.place = "line \(header.line), column \(column + 1)"
        found.habits.append(habit)
      }
    }
    guard !found.habits.isEmpty else { return nil }
    for row in rows {
      if row.fields.count < header.fields.count, !header.fields[row.fields.count...].allSatisfy({ $0.trimmed.isEmpty })
      {
        found.remarks.append(
          ImportRemark("the row is cut: what is missing of it is taken as not done", place: row.place))
      }
      // If there is one habit, a text column beside it is its note.
      let note = habits.count == 1 ? notes.map { row.field($0) }.filter { !$0.isEmpty }.joined(separator: "\n") : ""
      for (column, place) in habits where !row.field(column).isEmpty || !note.isEmpty {
        found.records.append(
          TrackerRecord(
            habit: place, day: .text(row.field(date)), value: .word(row.field(column)), note: note, place: row.place))
      }
      guard habits.count > 1 else { continue }
      for column in notes where !row.field(column).isEmpty {
        found.remarks.append(
          ImportRemark(
            "the column \(header.field(column)) holds text that belongs to no one habit; it is not kept",
            place: row.place, detail: ImportLimits.shown(row.field(column))))
      }
    }
    return found
  }

  private static func rowsOfHabits(_ table: CSVTable, _ header: CSVTable.Row) -> TrackerFile? {
    var found = TrackerFile(source: .table)
    for row in table.rows.dropFirst() {
      guard !row.field(0).isEmpty else {
        found.remarks.append(ImportRemark("the row names no habit", place: row.place))
        continue
      }
      var habit = TrackerHabit(name: row.field(0))
      habit.place = row.place
      found.habits.append(habit)
      for column in row.fields.indices.dropFirst() {
        let (text, date) = (row.field(column), header.field(column))
        guard !date.isEmpty else {
          if !text.isEmpty {
            found.remarks.append(
              ImportRemark(
                "the column has no date", habit: habit.name, place: "\(row.place), column \(column + 1)", detail: text))
          }
          continue
        }
        guard !text.isEmpty else { continue }
        found.records.append(
          TrackerRecord(
            habit: found.habits.count - 1, day: .text(date), value: .word(text),
            place: "\(row.place), column \(column + 1)"))
      }
    }
    return found.habits.isEmpty ? nil : found
  }
}
