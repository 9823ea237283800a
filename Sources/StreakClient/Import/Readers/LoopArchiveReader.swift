/// The zip file of Loop's CSV export: Habits.csv, Checkmarks.csv of all habits, and a folder for
/// each habit with a Checkmarks.csv of its own, which has the notes.
enum LoopArchiveReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .archive(let archive) = file.content else { return nil }
    let files = archive.entries.filter { $0.lastPart == "Checkmarks.csv" }
    let list = archive.entries.filter { $0.lastPart == "Habits.csv" }.min { $0.parts.count < $1.parts.count }
    guard let depth = files.map(\.parts.count).min() else { return nil }
    // The folder of Habits.csv and of the file of all habits: the archive's root, or a folder that
    // was archived as a whole.
    let hasFoldersOnly = files.allSatisfy { LoopHabitFileReader.folderName($0.folder) != nil }
    let root = list?.parts.count ?? (hasFoldersOnly ? depth - 1 : depth)
    var found = TrackerFile(source: .loopArchive)
    var reader = LoopArchive()
    if let list { reader.takeHabits(try table(list, archive, &found)) }
    for entry in files where entry.parts.count == root + 1 {
      reader.folders.append((entry.folder, entry.name, try table(entry, archive, &found)))
    }
    if let entry = files.first(where: { $0.parts.count == root }) {
      reader.matrix = LoopMatrix(try table(entry, archive, &found))
    }
    try reader.fill(&found)
    return found
  }

  private static func table(
    _ entry: ZipArchive.Entry, _ archive: ZipArchive, _ found: inout TrackerFile
  ) throws(ImportedHistory.Failure) -> CSVTable {
    let text = DecodedText(try archive.contents(of: entry))
    let table = CSVTable(text.utf8)
    found.remarks += (text.remarks + table.remarks).map { remark in
      var remark = remark
      remark.place = remark.place.isEmpty ? entry.name : "\(entry.name), \(remark.place)"
      return remark
    }
    return table
  }
}

extension ZipArchive.Entry {
  fileprivate var folder: String { parts.dropLast().last.map(String.init) ?? "" }
}

/// The content of an archive's files before they are merged.
private struct LoopArchive {
  /// By Loop's number for the habit, with which the name of its folder begins.
  var habits: [(number: Int, habit: TrackerHabit, isAmount: Bool?)] = []
  var folders: [(folder: String, path: String, table: CSVTable)] = []
  var matrix: LoopMatrix?

  mutating func takeHabits(_ table: CSVTable) {
    guard let header = table.rows.first else { return }
    let columns = Dictionary(
      header.fields.enumerated().map { ($1.trimmed, $0) }, uniquingKeysWith: { first, _ in first })
    for row in table.rows.dropFirst() {
      func text(_ column: String) -> String { row.field(columns[column]) }
      var habit = TrackerHabit(name: text("Name"))
      habit.place = "Habits.csv, \(row.place)"
      habit.description = LoopFacts.description(text("Description"), question: text("Question"))
      habit.color = UInt32(text("Color").drop { $0 == "#" }, radix: 16) ?? 0
      habit.archived = text("Archived?").lowercased() == "true"
      // In older files "NumRepetitions" and "Interval".
      let times = Int(text("FrequencyNumerator")) ?? Int(text("NumRepetitions")) ?? 1
      let days = Int(text("FrequencyDenominator")) ?? Int(text("Interval")) ?? 1
      habit.rhythm = Rhythm.words(times: times, days: days)
      let isAmount = text("Type") == "NUMERICAL"
      if isAmount {
        habit.unit = text("Unit")
        let amount = Double(text("Target Value")) ?? 0
        habit.goal = LoopFacts.goal(isLimit: text("Target Type") == "AT_MOST", amount: amount, days: days)
      }
      habits.append((Int(text("Position")) ?? habits.count + 1, habit, text("Type").isEmpty ? nil : isAmount))
    }
  }

  /// Merges the files: a habit's days come from its folder or, if that is empty, from its column.
  func fill(_ found: inout TrackerFile) throws(ImportedHistory.Failure) {
    let known = habits.isEmpty ? nil : habits.map(\.habit.name)
    var columns: [String] = []
    var unreadable: ImportedHistory.Failure?
    do throws(ImportedHistory.Failure) { columns = try matrix?.names(known: known) ?? [] } catch { unreadable = error }
    var all = habits
    if all.isEmpty {
      for (index, folder) in folders.enumerated() {
        let number = Int(folder.folder.prefix { $0 != " " }) ?? index + 1
        all.append((number, TrackerHabit(name: LoopHabitFileReader.folderName(folder.folder) ?? folder.folder), nil))
      }
      // Folder names lack characters that a file system may not allow; the header has the full
      // names.
      if all.count == columns.count {
        for (index, name) in columns.enumerated() { all[index].habit.name = name }
      } else if all.isEmpty {
        if let unreadable { throw unreadable }
        all = columns.enumerated().map { ($0 + 1, TrackerHabit(name: $1), nil) }
      }
    }
    var usedColumns: Set<Int> = []
    for (number, habit, isAmount) in all {
      let index = found.habits.count
      found.habits.append(habit)
      let folder = folders.first { Int($0.folder.prefix { $0 != " " }) == number }
      let column = columns.indices.first { columns[$0] == habit.name && !usedColumns.contains($0) }
      if let column { usedColumns.insert(column) }
      var hasAmounts = isAmount ?? false
      var days: (records: [TrackerRecord], remarks: [ImportRemark]) = ([], [])
      if let folder, LoopHabitFileReader.isHabitFile(folder.table) {
        hasAmounts = isAmount ?? LoopHabitFileReader.hasAmounts(folder.table)
        days = LoopHabitFileReader.records(folder.table, habit: index, isAmount: hasAmounts, in: folder.path)
      }
      if days.records.isEmpty, let matrix, let column {
        hasAmounts = isAmount ?? matrix.hasAmounts(column)
        days = matrix.records(column, habit: index, isAmount: hasAmounts)
      }
      if hasAmounts, isAmount == nil {
        found.habits[index].goal = .statedElsewhere("these files do not state; the backup (.db) does: import that")
      }
      found.records += days.records
      found.remarks += days.remarks.map { remark in
        var remark = remark
        remark.habit = habit.name
        return remark
      }
    }
    if let matrix { found.remarks += matrix.remarks }
  }
}
