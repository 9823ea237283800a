internal import StreakDomain

/// Loop's Checkmarks.csv of all habits: one row for each day, one column for each habit. The
/// header's names are not quoted; each row ends in a comma.
enum LoopCheckmarksReader: HistoryReader {
  static func read(_ file: ImportFile, _ options: ImportOptions) throws(ImportedHistory.Failure) -> TrackerFile? {
    guard case .table(let table) = file.content, isCheckmarks(table, name: file.name) else { return nil }
    var found = TrackerFile(source: .loopCheckmarks)
    let matrix = LoopMatrix(table)
    let names = try matrix.names(known: nil)
    found.habits = names.enumerated().map { column, name in
      var habit = TrackerHabit(name: name)
      habit.place = "line 1"
      if matrix.hasAmounts(column) {
        habit.goal = .statedElsewhere(
          "this file does not state; the backup (.db) and the zip file do: import one of them")
      }
      return habit
    }
    for column in names.indices {
      let records = matrix.records(column, habit: column, isAmount: matrix.hasAmounts(column))
      found.records += records.records
      found.remarks += records.remarks.map { remark in
        var remark = remark
        remark.habit = names[column]
        return remark
      }
    }
    found.remarks += matrix.remarks
    return found
  }

  /// Whether only Loop writes this format: "Entry(...)", or its header and numbers.
  private static func isCheckmarks(_ table: CSVTable, name: String) -> Bool {
    guard table.delimiter == UInt8(ascii: ","), let header = table.rows.first, header.field(0) == "Date",
      header.fields.count > 1, !LoopHabitFileReader.hasHeader(table)
    else { return false }
    let isNamed = name.lowercased().contains("checkmarks")
    let endsInComma = header.fields.count > 2 && header.fields.last?.isEmpty == true
    var (isNumbers, isMoreThanOnes) = (true, false)
    for row in table.rows.dropFirst() {
      for field in row.fields.dropFirst() where !field.isEmpty {
        if LoopFacts.isWord(field), field != "NO" { return true }
        if field.hasPrefix("Entry(") { return true }
        if Int64(field) == nil, field != "NO" { isNumbers = false }
        if field == "-1" { return true }
        if field != "0", field != "1" { isMoreThanOnes = true }
      }
    }
    // Other programs too end rows with a comma, and write 1 for a day that is done.
    return isNumbers && (isNamed || endsInComma && isMoreThanOnes)
  }
}

/// The rows of a Checkmarks.csv of all habits.
struct LoopMatrix {
  private let headerText: String
  private let headerFields: [String]
  private var rows: [(line: Int, day: String, values: [String])] = []
  /// The number of columns of most rows.
  private var width = 0
  private(set) var remarks: [ImportRemark] = []

  init(_ table: CSVTable) {
    // A name may hold a line feed: the header ends at the first row with a date, or with values
    // beside a damaged date.
    let start = table.rows.dropFirst().firstIndex(where: Self.isDay) ?? table.rows.endIndex
    let header = table.rows[..<start]
    headerText = header.map { $0.fields.joined(separator: ",") }.joined(separator: "\n")
    var fields: [String] = []
    for row in header {
      if let last = fields.last {
        fields[fields.count - 1] = last + "\n" + (row.fields.first ?? "")
        fields += row.fields.dropFirst()
      } else {
        fields = row.fields
      }
    }
    headerFields = Array(fields.dropFirst())
    for row in table.rows[start...] {
      var values = Self.values(row.fields.dropFirst())
      if values.last == "" { values.removeLast() }
      rows.append((row.line, row.field(0), values))
    }
    width = rows.map(\.values.count).mostFrequent ?? 0
    for row in rows where row.values.count != width {
      remarks.append(
        ImportRemark(
          row.values.count < width
            ? "the row is cut: it has \(row.values.count) of \(width) values"
            : "the row has more values than there are habits",
          place: "line \(row.line)",
          detail: row.values.count > width ? row.values[width...].joined(separator: ", ") : ""))
    }
  }

  private static func isDay(_ row: CSVTable.Row) -> Bool {
    if DateText(row.field(0)) != nil { return true }
    let values = values(row.fields.dropFirst()).filter { !$0.isEmpty }
    return !values.isEmpty && values.allSatisfy { LoopFacts.value(parts($0).value, isAmount: true) != nil }
  }

  /// The names of the columns.
  /// - Parameter known: The names of all habits, if another file has them: the columns are some of
  ///   these.
  func names(known: [String]?) throws(ImportedHistory.Failure) -> [String] {
    var pieces = headerFields
    if pieces.last == "" { pieces.removeLast() }
    if let known, let names = Self.split(headerText, by: known) { return names }
    if rows.isEmpty || pieces.count == width { return pieces }
    // A comma inside a name: the following text begins with a space.
    var joined: [String] = []
    for piece in pieces {
      if piece.hasPrefix(" "), let last = joined.last {
        joined[joined.count - 1] = last + "," + piece
      } else {
        joined.append(piece)
      }
    }
    if joined.count == width { return joined }
    throw .init(
      message: """
        The header of this file has \(pieces.count) names for \(width) habits: a name with a comma cannot be told from two names. \
        Import Loop's backup (.db) instead, or the whole zip file of its CSV export.
        """)
  }

  /// Splits the header at known names, trying longer ones first.
  private static func split(_ header: String, by known: [String]) -> [String]? {
    guard let comma = header.firstIndex(of: ",") else { return nil }
    var rest = header[header.index(after: comma)...]
    let sorted = known.sorted { $0.utf8.count > $1.utf8.count }
    var names: [String] = []
    while !rest.isEmpty {
      guard let name = sorted.first(where: { rest.hasPrefix($0 + ",") || rest == $0 }) else { return nil }
      names.append(name)
      rest = rest.dropFirst(name.count + 1)
    }
    return names
  }

  /// "Entry(timestamp=2023-02-17, value=2)" is two fields, and more if a note holds commas.
  private static func values(_ fields: ArraySlice<String>) -> [String] {
    var values: [String] = []
    var open = ""
    for field in fields {
      if open.isEmpty, !field.hasPrefix("Entry(") {
        values.append(field.trimmed)
      } else {
        open += open.isEmpty ? field : "," + field
        if field.hasSuffix(")") {
          values.append(open)
          open = ""
        }
      }
    }
    if !open.isEmpty { values.append(open) }
    return values
  }

  /// Whether a column holds amounts.
  func hasAmounts(_ column: Int) -> Bool {
    LoopFacts.areAmounts(
      rows.compactMap { $0.values.indices.contains(column) ? Self.parts($0.values[column]).value : nil })
  }

  func records(_ column: Int, habit: Int, isAmount: Bool) -> (records: [TrackerRecord], remarks: [ImportRemark]) {
    var (records, remarks): ([TrackerRecord], [ImportRemark]) = ([], [])
    for row in rows where row.values.indices.contains(column) {
      let (text, note) = Self.parts(row.values[column])
      guard let value = LoopFacts.value(text, isAmount: isAmount) else {
        remarks.append(ImportRemark("this is no value of Loop's", place: "line \(row.line)", detail: text))
        continue
      }
      guard value != .unknown || !note.isEmpty else { continue }
      records.append(
        TrackerRecord(habit: habit, day: .text(row.day), value: value, note: note, place: "line \(row.line)"))
    }
    return (records, remarks)
  }

  /// The value and the note of an entry.
  private static func parts(_ text: String) -> (value: String, note: String) {
    guard text.hasPrefix("Entry("), let start = text.firstRange(of: "value=") else { return (text, "") }
    let value = text[start.upperBound...].prefix { $0 != "," && $0 != ")" }
    guard let notes = text.firstRange(of: ", notes=") else { return (String(value), "") }
    return (String(value), String(text[notes.upperBound...].dropLast()))
  }
}
