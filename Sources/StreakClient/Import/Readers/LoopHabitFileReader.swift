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
    found.remarks = records.remarks
    return found
  }

  static func isHabitFile(_ table: CSVTable) -> Bool {
    guard let first = table.rows.first else { return false }
    let header = first.fields.map { $0.trimmed.lowercased() }
    if header.starts(with: ["date", "value"]), header.count == 2 || header.dropFirst(2).first == "notes" {
      let values = table.rows.dropFirst().map { $0.field(1) }
      return values.allSatisfy { LoopFacts.value($0, isAmount: true) != nil }
    }
    return first.fields.count == 2 && DateText(first.field(0)) != nil
      && LoopFacts.value(first.field(1), isAmount: true) != nil
  }

  static func hasAmounts(_ table: CSVTable) -> Bool { table.rows.contains { LoopFacts.isAmount($0.field(1)) } }

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
    let hasHeader = table.rows.first?.field(0).lowercased() == "date"
    for row in table.rows.dropFirst(hasHeader ? 1 : 0) {
      let place = path.isEmpty ? row.place : "\(path), \(row.place)"
      guard let value = LoopFacts.value(row.field(1), isAmount: isAmount) else {
        remarks.append(ImportRemark("this is no value of Loop's", place: place, detail: row.field(1)))
        continue
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
