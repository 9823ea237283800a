internal import Postgres

/// The columns of one table, each declared once for SELECT lists, decoding, INSERT and UPDATE. A
/// case's name in snake case is the column's name.
package protocol TableColumn: CaseIterable, Hashable, RawRepresentable, Sendable where RawValue == Int {}

extension TableColumn {
  /// The name in SQL: `userID` is `user_id`.
  package var columnName: String {
    var name = ""
    var isAfterLowerCase = false
    for character in "\(self)" {
      if character.isUppercase && isAfterLowerCase { name.append("_") }
      isAfterLowerCase = !character.isUppercase
      name += character.lowercased()
    }
    return name
  }
}

extension Collection where Element: TableColumn {
  /// The columns as a list in SQL, each of `table`.
  func list(of table: String? = nil) -> String {
    map { column in table.map { "\($0).\(column.columnName)" } ?? column.columnName }.joined(separator: ", ")
  }

  /// The columns as assignments in SQL, each from the column with the same name in `source`.
  func assignments(from source: String) -> String {
    map { "\($0.columnName) = \(source).\($0.columnName)" }.joined(separator: ", ")
  }

  /// The columns as assignments in SQL, each from a parameter, `first` and those that follow.
  func assignments(fromParameter first: Int) -> String {
    zip(first..., self).map { "\($1.columnName) = $\($0)" }.joined(separator: ", ")
  }

  /// The columns as assignments in SQL, each of the table's default.
  func assignmentsOfDefaults() -> String { map { "\($0.columnName) = DEFAULT" }.joined(separator: ", ") }

  /// As many parameters as a list in SQL, from `first` on.
  func parameters(from first: Int = 1) -> String { zip(first..., self).map { "$\($0.0)" }.joined(separator: ", ") }
}

/// The columns that a statement inserts, each with its value in SQL.
struct Insertion<Column: TableColumn>: ExpressibleByDictionaryLiteral {
  /// The columns as a list in SQL.
  let columns: String
  /// Their values as a list in SQL.
  let values: String

  init(dictionaryLiteral elements: (Column, String)...) {
    columns = elements.map { $0.0 }.list()
    values = elements.map { $0.1 }.joined(separator: ", ")
  }
}

/// The columns of a table that a statement selects: their text, and the place of each in a row.
struct Selection<Column: TableColumn>: Sendable {
  let columns: [Column]
  /// The place after the selected columns.
  let end: Int
  /// By raw value; -1, a place of no row, for columns that are not selected.
  private let places: [Int]

  /// - Parameter first: The place of the first column in the statement's rows.
  init(_ columns: [Column], from first: Int = 0) {
    self.columns = columns
    end = first + columns.count
    var places = [Int](repeating: -1, count: Column.allCases.count)
    for (index, column) in columns.enumerated() { places[column.rawValue] = first + index }
    self.places = places
  }

  /// The columns as a list in SQL, each of `table`.
  func list(of table: String? = nil) -> String { columns.list(of: table) }

  /// The place of a column in a row.
  subscript(column: Column) -> Int { places[column.rawValue] }
}
