/// Loop's Checkmarks.csv of one habit, from the folder of that habit: without a header in version
/// 2.0, with Date,Value,Notes since 2.1.
enum LoopHabitFileReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, isHabitFile(table) else { return nil }
    guard let name = options.habitName ?? folderName(file.folder) else {
      throw .init(
        message: """
          This is Loop's file of one habit, and it does not hold the habit's name. Say the name, or import the whole zip file, \
          the Checkmarks.csv beside the habits' folders, or the backup (.db).
          """, question: .habitName)
    }
    var found = TrackerFile(source: .loopCheckmarks)
    var habit = TrackerHabit(name: name)
    let isAmount = hasAmounts(table)
    if isAmount {
      habit.goal = .statedElsewhere(
        "this file does not state; the backup (.db) and the zip file do: import one of them")
    }
    found.habits = [habit]
    let records = records(table, habit: 0, isAmount: isAmount, in: "")
    found.records = records.records
    found.remarks = records.remarks.map { remark in
      var remark = remark
      remark.habit = name
      return remark
    }
    return found
  }

  /// Whether the table has the header of Loop's file of one habit. Other programs write the same
  /// header.
  static func hasHeader(_ table: CSVTable) -> Bool {
    let header = table.rows.first?.fields.map { $0.trimmed.lowercased() } ?? []
    return header == ["date", "value"] || header == ["date", "value", "notes"]
  }

  /// Whether Loop wrote the table: it has the header and a value of Loop's, or most of its rows are
  /// a date and such a value. Only 1 and 0 may be any program's.
  static func isHabitFile(_ table: CSVTable) -> Bool {
    guard hasHeader(table) else {
      let rows = table.rows.filter { $0.fields.count == 2 && DateText($0.field(0)) != nil }
      let readable = rows.filter { LoopFacts.value($0.field(1), isAmount: true) != nil }
      return table.rows.first?.fields.count == 2 && 2 * readable.count > table.rows.count
        && hasLoopNumbers(rows.map { $0.field(1) })
    }
    let values = table.rows.dropFirst().map { $0.field(1) }
    if values.contains(where: { LoopFacts.isWord($0) && $0 != "NO" }) { return true }
    // Loop's own capitals.
    guard table.rows.first?.field(0) == "Date", table.rows.first?.field(1) == "Value" else { return false }
    return values.isEmpty || hasLoopNumbers(values)
  }

  /// Whether numbers of Loop's outnumber those of other programs. Loop writes amounts in
  /// thousandths.
  private static func hasLoopNumbers(_ values: [String]) -> Bool {
    var (loops, others) = (0, 0)
    for value in values {
      switch Int64(value) {
      case 0, 1: break
      case .some(4..<100): others += 1
      case .some: loops += 1
      case nil: if value != "", !LoopFacts.isWord(value), NumberText(value) != nil { others += 1 }
      }
    }
    return loops > others
  }

  static func hasAmounts(_ table: CSVTable) -> Bool { LoopFacts.areAmounts(table.rows.map { $0.field(1) }) }

  /// The name in "001 Meditate", the name that Loop gives a habit's folder.
  static func folderName(_ folder: String) -> String? {
    guard let space = folder.firstIndex(of: " "), Int(folder[..<space]) != nil, folder[..<space].count >= 3 else {
      return nil
    }
    return String(folder[space...]).trimmed
  }

  /// - Parameter path: The file's path in an archive; empty: the file is imported by itself.
  static func records(
    _ table: CSVTable, habit: Int, isAmount: Bool, in path: String
  ) -> (records: [TrackerRecord], remarks: [ImportRemark]) {
    var (records, remarks): ([TrackerRecord], [ImportRemark]) = ([], [])
    let header = hasHeader(table) ? table.rows.first : nil
    let rows = header.map { table.rows(below: $0, note: $0.fields.count == 3 ? 2 : nil) } ?? table.rows
    for row in rows {
      let place = path.isEmpty ? row.place : "\(path), \(row.place)"
      guard let value = LoopFacts.value(row.field(1), isAmount: isAmount) else {
        let rest = row.fields.dropFirst().map(\.trimmed).filter { !$0.isEmpty }
        remarks.append(
          ImportRemark("this is no value of Loop's", place: place, detail: rest.joined(separator: ", ")))
        continue
      }
      if let header, var remark = table.surplus(of: row, below: header) {
        remark.place = place
        remarks.append(remark)
      }
      if row.fields.count < 2 { remarks.append(ImportRemark("the row is cut: its value is missing", place: place)) }
      records.append(
        TrackerRecord(habit: habit, day: .text(row.field(0)), value: value, note: row.field(2), place: place))
    }
    return (records, remarks)
  }
}

/// Files of Loop's CSV export that hold no days.
enum LoopOtherFiles: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, let header = table.rows.first else { return nil }
    if header.field(0) == "Position", header.field(1) == "Name" {
      throw .init(
        message:
          "This is Loop's list of habits, which holds no days. Import the whole zip file, Checkmarks.csv or the backup (.db)."
      )
    }
    let values = table.rows.dropFirst().prefix(50).flatMap { $0.fields.dropFirst().filter { !$0.isEmpty } }
    let isNamed = file.name.lowercased().hasPrefix("scores") || header.field(1) == "Score"
    guard header.field(0) == "Date", isNamed || values.count > 1 && values.allSatisfy(isScore) else { return nil }
    throw .init(
      message:
        "These are Loop's scores, which do not say what was done. Import the whole zip file, Checkmarks.csv or the backup (.db)."
    )
  }

  /// 0.0000 to 1.0000.
  private static func isScore(_ text: String) -> Bool {
    text.utf8.count == 6 && (text.hasPrefix("0.") || text == "1.0000") && Double(text) != nil
  }
}
