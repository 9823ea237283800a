/// Why an SQLite call failed.
package struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// SQLite's primary result code, such as 5 (SQLITE_BUSY), 13 (SQLITE_FULL) or 26 (SQLITE_NOTADB).
  package var code: Int32
  package var message: String

  package init(code: Int32, message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { "SQLite \(code): \(message)" }
}
