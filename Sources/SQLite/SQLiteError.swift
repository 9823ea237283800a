/// Why an SQLite call failed.
public struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
  /// SQLite's primary result code, such as 5 (SQLITE_BUSY), 13 (SQLITE_FULL) or 26 (SQLITE_NOTADB).
  public var code: Int32
  public var message: String

  public init(code: Int32, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { "SQLite \(code): \(message)" }
}
