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
    var damage: ImportedHistory.Failure?
    func readable(_ entry: ZipArchive.Entry) -> CSVTable? {
      do throws(ImportedHistory.Failure) { return try Self.table(entry, archive, &found) } catch {
        damage = error
        found.remarks.append(ImportRemark(error.message, place: entry.name))
        return nil
      }
    }
    if let list, let table = readable(list) { reader.takeHabits(table, &found) }
    for entry in files where entry.parts.count == root + 1 {
      if let table = readable(entry) { reader.folders.append((entry.folder, entry.name, table)) }
    }
    if let entry = files.first(where: { $0.parts.count == root }), let table = readable(entry) {
      reader.matrix = LoopMatrix(table)
      reader.matrixPath = entry.name
    }
    if let damage, reader.matrix == nil, reader.folders.isEmpty { throw damage }
    try reader.fill(&found)
    return found
  }

  private static func table(
    _ entry: ZipArchive.Entry, _ archive: ZipArchive, _ found: inout TrackerFile
  ) throws(ImportedHistory.Failure) -> CSVTable {
    let text = DecodedText(try archive.contents(of: entry)).withoutControls
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
  var habits: [Listed] = []
  var folders: [(folder: String, path: String, table: CSVTable)] = []
  var matrix: LoopMatrix?
  var matrixPath = ""

  /// A habit, and what Habits.csv says about its values; nil: nothing.
  struct Listed {
    var number: Int?
    var habit: TrackerHabit
    var isAmount: Bool?
    /// The index of its folder.
    var folder: Int?
  }

  mutating func takeHabits(_ table: CSVTable, _ found: inout TrackerFile) {
    guard let header = table.rows.first else { return }
    let columns = Dictionary(
      header.fields.enumerated().map { ($1.trimmed, $0) }, uniquingKeysWith: { first, _ in first })
    for row in table.rows.dropFirst() {
      func text(_ column: String) -> String { row.field(columns[column]) }
      var habit = TrackerHabit(name: text("Name"))
      habit.place = "Habits.csv, \(row.place)"
      if row.fields.count < header.width {
        found.remarks.append(
          ImportRemark("the row is cut: what is missing of it is not known", habit: habit.name, place: habit.place))
      }
      if var remark = table.surplus(of: row, below: header, habit: habit.name) {
        remark.place = habit.place
        found.remarks.append(remark)
      }
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
      habits.append(
        Listed(
          number: Int(text("Position")) ?? habits.count + 1, habit: habit,
          isAmount: text("Type").isEmpty ? nil : isAmount))
    }
  }

  /// Merges the files: a habit's days come from its folder or, if that has none, from its column.
  func fill(_ found: inout TrackerFile) throws(ImportedHistory.Failure) {
    let columns = try columns(&found)
    let (all, unlisted) = listed(columns)
    for (habit, path) in unlisted {
      found.remarks.append(
        ImportRemark(
          "is missing in Habits.csv: its description, goal and rhythm are not known", habit: habit, place: path))
    }
    var usedColumns: Set<Int> = []
    for listed in all {
      let (habit, isAmount) = (listed.habit, listed.isAmount)
      let index = found.habits.count
      found.habits.append(habit)
      let column = columns.indices.first { columns[$0] == habit.name && !usedColumns.contains($0) }
      if let column { usedColumns.insert(column) }
      var hasAmounts = isAmount ?? false
      var days: (records: [TrackerRecord], remarks: [ImportRemark]) = ([], [])
      if let folder = listed.folder.map({ folders[$0] }) {
        hasAmounts = isAmount ?? LoopHabitFileReader.hasAmounts(folder.table)
        days = LoopHabitFileReader.records(folder.table, habit: index, isAmount: hasAmounts, in: folder.path)
      }
      if days.records.isEmpty, let matrix, let column {
        hasAmounts = isAmount ?? matrix.hasAmounts(column)
        let more = matrix.records(column, habit: index, isAmount: hasAmounts)
        days = (more.records, days.remarks + more.remarks)
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

  /// The names of the columns of the table of all habits; without them, with a remark, if they
  /// cannot be read and other files have days.
  private func columns(_ found: inout TrackerFile) throws(ImportedHistory.Failure) -> [String] {
    do throws(ImportedHistory.Failure) {
      return try matrix?.names(known: habits.isEmpty ? nil : habits.map(\.habit.name)) ?? []
    } catch {
      if habits.isEmpty, folders.isEmpty { throw error }
      found.remarks.append(ImportRemark(error.message, place: matrixPath))
      return []
    }
  }

  /// The habits of Habits.csv, then those of folders and columns that are missing there, with the
  /// path of their file.
  private func listed(_ columns: [String]) -> (all: [Listed], unlisted: [(habit: String, path: String)]) {
    var all = habits
    var paths = [String](repeating: "", count: habits.count)
    for (index, folder) in folders.enumerated() {
      // The number with which its name begins.
      let number = Int(folder.folder.prefix { $0 != " " })
      if let number, let place = habits.indices.first(where: { all[$0].number == number && all[$0].folder == nil }) {
        all[place].folder = index
      } else {
        let name = LoopHabitFileReader.folderName(folder.folder) ?? folder.folder
        all.append(Listed(habit: TrackerHabit(name: name), folder: index))
        paths.append(folder.path)
      }
    }
    // Folder names lack characters that a file system may not allow; the header has the full names.
    if habits.isEmpty, all.count == columns.count {
      for (index, name) in columns.enumerated() { all[index].habit.name = name }
    }
    var rest = Array(all.indices)
    for column in columns {
      let same = rest.firstIndex { all[$0].habit.name == column }
      let bare = rest.firstIndex { !paths[$0].isEmpty && Self.bare(all[$0].habit.name) == Self.bare(column) }
      if let place = same ?? bare {
        all[rest.remove(at: place)].habit.name = column
      } else {
        all.append(Listed(habit: TrackerHabit(name: column)))
        paths.append(matrixPath)
      }
    }
    guard !habits.isEmpty else { return (all, []) }
    return (all, zip(all, paths).filter { !$1.isEmpty }.map { ($0.habit.name, $1) })
  }

  /// A name in the characters that Loop keeps in the name of a folder.
  private static func bare(_ name: String) -> String {
    name.filter { $0.isASCII && ($0.isLetter || $0.isNumber || " ._-".contains($0)) }.trimmed
  }
}
