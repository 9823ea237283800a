/// A table of any program with a row for each day and a column for each habit, or the reverse.
enum TableReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, let header = table.rows.first, header.fields.count > 1 else {
      return nil
    }
    if isMostlyDates(header.fields.dropFirst().map(\.trimmed)) { return rowsOfHabits(table, header) }
    // A text after the last column belongs to the note, if the note is the last column.
    let last = header.width - 1
    let isNote = ColumnNames.note.contains(header.field(last).lowercased())
    let rows = table.rows(below: header, note: isNote ? last : nil)
    let date = ColumnNames.column(header, ColumnNames.date) ?? 0
    let isNamed = ColumnNames.column(header, ColumnNames.date) != nil
    guard rows.isEmpty ? isNamed : isMostlyDates(rows.map { $0.field(date) }) else { return nil }
    guard DateText(header.field(0)) == nil else { return try withoutHeader(table, options) }
    return try columnsOfHabits(rows, header, date: date, options)
  }

  /// A table whose first row is a day. With one column of values, these are one habit's.
  private static func withoutHeader(
    _ table: CSVTable, _ options: ImportOptions
  ) throws(ImportedHistory.Failure) -> TrackerFile {
    guard table.rows.allSatisfy({ $0.width <= 2 }) else {
      throw .init(
        message: """
          This table has no header, so its habits have no names. Give it a first row with the names, such as date,HABIT,HABIT,... \
          and import it again.
          """)
    }
    var found = TrackerFile(source: .table)
    found.habits = [TrackerHabit(name: try name(options, "The table has no header."))]
    for row in table.rows where !row.field(1).isEmpty {
      found.records.append(
        TrackerRecord(habit: 0, day: .text(row.field(0)), value: .word(row.field(1)), place: row.place))
    }
    return found
  }

  private static func name(_ options: ImportOptions, _ reason: String) throws(ImportedHistory.Failure) -> String {
    if let name = options.habitName { return name }
    throw .init(
      message: "This is a table of one habit's days, and it does not hold the habit's name. \(reason) Say the name.",
      question: .habitName)
  }

  private static func isMostlyDates(_ texts: [String]) -> Bool {
    let filled = texts.filter { !$0.isEmpty }
    return !filled.isEmpty && 2 * filled.count(where: { DateText($0) != nil }) > filled.count
  }

  /// Whether a field contains a value for a habit's day.
  private static func isValue(_ text: String) -> Bool { CheckWords.value(text) != nil || NumberText(text) != nil }

  private static func columnsOfHabits(
    _ rows: [CSVTable.Row], _ header: CSVTable.Row, date: Int, _ options: ImportOptions
  ) throws(ImportedHistory.Failure) -> TrackerFile? {
    var found = TrackerFile(source: .table)
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
    let values = DoneAndAmount(
      done: habits.first { ColumnNames.done.contains(header.field($0.column).lowercased()) }?.column,
      amount: habits.first { ColumnNames.amount.contains(header.field($0.column).lowercased()) }?.column)
    // Columns that are named after what they hold are no habits.
    if habits.allSatisfy({ $0.column == values.done || $0.column == values.amount }) {
      let reason = "A column is called \(found.habits.map(\.name).joined(separator: " and "))."
      found.habits = [TrackerHabit(name: try name(options, reason))]
      habits = [(values.done ?? values.amount ?? 0, 0)]
    }
    let isOne = habits.count == 1 && (values.done != nil || values.amount != nil)
    for row in rows {
      if row.fields.count < header.fields.count, !header.fields[row.fields.count...].allSatisfy({ $0.trimmed.isEmpty })
      {
        found.remarks.append(
          ImportRemark("the row is cut: what is missing of it is taken as not done", place: row.place))
      }
      // If there is one habit, a text column beside it is its note.
      let note = habits.count == 1 ? notes.map { row.field($0) }.filter { !$0.isEmpty }.joined(separator: "\n") : ""
      for (column, place) in habits {
        let value =
          isOne ? values.value(of: row, habit: found.habits[place].name, &found.remarks) : .word(row.field(column))
        guard value != .word("") || !note.isEmpty else { continue }
        found.records.append(
          TrackerRecord(habit: place, day: .text(row.field(date)), value: value, note: note, place: row.place))
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
