/// A kind of file that can be imported. For a new kind, add a reader to `HistoryFormats.all`.
protocol HistoryReader: SendableMetatype {
  /// Reads a file of this kind, without judging days, amounts and limits: `HistoryRules` does that.
  /// - Returns: Nil if the file is of another kind.
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile?
}

enum HistoryFormats {
  /// All kinds, those with the clearest marks first.
  static let all: [any HistoryReader.Type] = [
    RewireReader.self, LoopDatabaseReader.self, TickmateReader.self,
    LoopArchiveReader.self,
    StreakExportReader.self, HabitKitReader.self, HabiticaReader.self, BeaverHabitsReader.self,
    HabitBullReader.self, HabiticaHistoryReader.self, LoopOtherFiles.self, LoopHabitFileReader.self,
    LoopCheckmarksReader.self, ListReader.self, TableReader.self,
  ]

  /// The message for a file of an unknown kind.
  static let known = """
    Read are Loop Habit Tracker (.db, the zip of CSV files, Checkmarks.csv), HabitBull (.csv), Tickmate (.db), Rewire (.db), HabitKit (.json), \
    Habitica (user data as .json, history.csv), Beaver Habits (.json) and Streak's own export. \
    Of any other program: a CSV file with the header date,HABIT,HABIT,... and one row for each day, or with the header habit,date,value,note.
    """

  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> ImportedHistory {
    let name = file.name.isEmpty ? "The file" : file.name
    if case .unreadable(let advice) = file.content { throw .init(message: "\(name) cannot be imported. \(advice)") }
    for reader in all {
      guard var found = try reader.read(file, options) else { continue }
      found.remarks = file.remarks + found.remarks
      var usesSemicolons = false
      if case .table(let table) = file.content { usesSemicolons = table.delimiter == UInt8(ascii: ";") }
      return try HistoryRules.history(of: found, options, usesSemicolons: usesSemicolons)
    }
    if case .archive(let archive) = file.content { return try read(only: archive, name, options) }
    throw .init(message: "\(name) is of none of the known kinds. \(known)")
  }

  /// Reads the only file in an archive that a tracker may have written.
  private static func read(
    only archive: ZipArchive, _ name: String, _ options: ImportOptions
  ) throws(ImportedHistory.Failure) -> ImportedHistory {
    if archive.entries.contains(where: { $0.name == "xl/workbook.xml" || $0.name == "content.xml" }) {
      throw .init(message: "\(name) is a spreadsheet: save it as CSV and import that.")
    }
    let endings = [".csv", ".json", ".tsv", ".txt"]
    let candidates = archive.entries.filter { entry in endings.contains { entry.name.lowercased().hasSuffix($0) } }
    guard let entry = candidates.only else {
      let count = archive.entries.count
      throw .init(
        message:
          "\(name) holds \(count) files and is no export of a known program. Unpack it and import one of them. \(known)"
      )
    }
    return try read(try ImportFile(try archive.contents(of: entry), path: entry.name), options)
  }
}
