internal import SQLite

/// Queries for readers, tolerant of the schemas of different program versions.
struct DatabaseTables {
  private let database: SQLiteDatabase
  /// Names in lower case.
  private let names: Set<String>

  init(_ database: SQLiteDatabase, path: String) throws(ImportedHistory.Failure) {
    self.database = database
    do throws(SQLiteError) {
      let rows = try database.rows("SELECT lower(name) FROM sqlite_schema WHERE type IN ('table', 'view')")
      names = Set(rows.compactMap { $0[0].text })
    } catch {
      throw .init(message: "\(path): the database cannot be read: \(error.message).")
    }
  }

  func has(_ tables: String...) -> Bool { names.isSuperset(of: tables) }

  /// The readable rows of a table: each value by its column's name.
  /// - Parameters:
  ///   - columns: Columns that the table lacks are null.
  ///   - order: Columns to sort by; missing ones are ignored.
  func rows(
    _ table: String, _ columns: [String], order: [String] = []
  ) throws(ImportedHistory.Failure) -> (rows: [DatabaseRow], remarks: [ImportRemark]) {
    var rows: [DatabaseRow] = []
    do throws(SQLiteError) {
      let present = Set(
        try database.rows("SELECT lower(name) FROM pragma_table_info(?)", .text(table)).compactMap { $0[0].text })
      let key = ["id", "_id"].first { present.contains($0) }
      let selected = ([key].compactMap { $0 } + columns).map {
        present.contains($0.lowercased()) ? "\"\($0)\"" : "NULL"
      }
      let sorted = order.filter { present.contains($0.lowercased()) }.map { "\"\($0)\"" }
      let sorting = sorted.isEmpty ? "" : " ORDER BY \(sorted.joined(separator: ", "))"
      try database.forEachRow("SELECT \(selected.joined(separator: ", ")) FROM \"\(table)\"\(sorting)") { values in
        let place = key == nil ? "row \(rows.count + 1)" : "number \(values[0].text ?? "?")"
        let named = Dictionary(zip(columns, values.dropFirst(key == nil ? 0 : 1)), uniquingKeysWith: { $1 })
        rows.append(DatabaseRow(place: "\(table), \(place)", values: named))
      }
    } catch {
      guard !rows.isEmpty else { throw .init(message: "the table \(table) cannot be read: \(error.message).") }
      return (
        rows,
        [
          ImportRemark(
            "the database is damaged: what follows this row could not be read (\(error.message))",
            place: rows.last?.place ?? table)
        ]
      )
    }
    return (rows, [])
  }
}

struct DatabaseRow {
  var place: String
  fileprivate var values: [String: SQLiteValue]

  init(place: String, values: [String: SQLiteValue]) {
    self.place = place
    self.values = values
  }

  func integer(_ column: String) -> Int64? { values[column]?.integer }
  func text(_ column: String) -> String { values[column]?.text ?? "" }
  func real(_ column: String) -> Double? { values[column]?.text.flatMap { Double($0) } }
}

extension ImportFile {
  /// The tables of an SQLite database; nil for any other file.
  func tables() throws(ImportedHistory.Failure) -> DatabaseTables? {
    guard case .database(let database) = content else { return nil }
    return try DatabaseTables(database, path: name)
  }
}
