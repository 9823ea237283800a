internal import CSQLite

/// One connection to an SQLite file. Not thread-safe: the owner synchronises its use.
@safe package final class SQLiteDatabase {
  package enum Access: Sendable {
    /// Makes the file if it does not exist.
    case readWrite
    /// For a file that may belong to other programs: nothing is written, not even beside it, and
    /// its folder need not be writable. A write-ahead log or a rollback journal beside it is
    /// applied.
    case readOnly
  }

  /// Most prepared statements that are kept; beyond that all are dropped.
  private static let statementsMax = 64

  private let handle: OpaquePointer  // sqlite3 *
  /// The copy that is read instead of the file, if SQLite would have to write beside the file.
  private let copy: PrivateCopy?
  private var statements: [String: Statement] = [:]

  /// - Parameters:
  ///   - busyMilliseconds: How long to wait for another connection's transaction.
  ///   - copyFolder: The folder for a copy, which read-only access may need; nil: the system's
  ///     folder of temporary files.
  package init(
    path: String, access: Access = .readWrite, busyMilliseconds: Int32 = 10_000, copyFolder: String? = nil
  ) throws(SQLiteError) {
    let flags: Int32
    let name: String
    // The log is beside the file that a link names.
    let path = access == .readOnly ? PrivateCopy.resolved(path) : path
    switch access {
    case .readWrite: (flags, name, copy) = (SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path, nil)
    case .readOnly where PrivateCopy.isNeeded(for: path):
      let made = try PrivateCopy(of: path, in: copyFolder)
      (flags, name, copy) = (SQLITE_OPEN_READWRITE, made.path, made)
    // Immutable: no lock, and no shared memory beside a file in WAL mode.
    case .readOnly: (flags, name, copy) = (SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, Self.immutable(path), nil)
    }
    var opened: OpaquePointer?
    let code = unsafe sqlite3_open_v2(name, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
    guard let opened = unsafe opened, code == SQLITE_OK else {
      let message = unsafe opened.map { unsafe String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
      unsafe sqlite3_close_v2(opened)
      throw SQLiteError(code: code & 0xFF, message: message)
    }
    unsafe handle = opened
    unsafe sqlite3_busy_timeout(opened, busyMilliseconds)
    if copy != nil { try execute("PRAGMA query_only = ON") }
  }

  deinit {
    statements = [:]
    unsafe sqlite3_close_v2(handle)
  }

  /// Runs a statement and ignores its rows.
  package func execute(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) {
    try forEachRow(sql, values) { _ in }
  }

  /// All rows of a statement.
  package func rows(_ sql: String, _ values: SQLiteValue...) throws(SQLiteError) -> [[SQLiteValue]] {
    var rows: [[SQLiteValue]] = []
    try forEachRow(sql, values) { rows.append($0) }
    return rows
  }

  /// Runs a statement and lends each row to `body`.
  package func forEachRow(
    _ sql: String, _ values: [SQLiteValue] = [], _ body: ([SQLiteValue]) -> Void
  ) throws(SQLiteError) {
    let statement = try prepared(sql)
    defer { statement.reset() }
    for (index, value) in values.enumerated() {
      try check(statement.bind(value, at: Int32(index + 1)))
    }
    while true {
      switch statement.step() {
      case SQLITE_ROW: body(statement.row)
      case SQLITE_DONE: return
      case let code: throw failure(code)
      }
    }
  }

  /// Runs `body` in a transaction that locks the file from the start; an error rolls it back.
  package func transaction<Value>(_ body: () throws(SQLiteError) -> Value) throws(SQLiteError) -> Value {
    try execute("BEGIN IMMEDIATE")
    do throws(SQLiteError) {
      let value = try body()
      try execute("COMMIT")
      return value
    } catch {
      // Fails only if SQLite has rolled back already.
      try? execute("ROLLBACK")
      throw error
    }
  }

  // MARK: Helpers

  /// The URI of a file that does not change while it is open.
  private static func immutable(_ path: String) -> String {
    let kept = Set("/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~".utf8)
    var uri = "file:"
    for byte in path.utf8 {
      if kept.contains(byte) {
        uri.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        uri += (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16)
      }
    }
    return uri + "?immutable=1"
  }

  private func prepared(_ sql: String) throws(SQLiteError) -> Statement {
    if let known = statements[sql] { return known }
    var made: OpaquePointer?
    let code = unsafe sqlite3_prepare_v2(handle, sql, -1, &made, nil)
    guard let made = unsafe made, code == SQLITE_OK else { throw failure(code == SQLITE_OK ? SQLITE_MISUSE : code) }
    let statement = unsafe Statement(owning: made)
    if statements.count >= Self.statementsMax { statements = [:] }
    statements[sql] = statement
    return statement
  }

  private func check(_ code: Int32) throws(SQLiteError) {
    guard code == SQLITE_OK else { throw failure(code) }
  }

  private func failure(_ code: Int32) -> SQLiteError {
    unsafe SQLiteError(code: code & 0xFF, message: String(cString: sqlite3_errmsg(handle)))
  }
}

/// A prepared statement, finalized exactly once.
@safe private final class Statement {
  private let handle: OpaquePointer  // sqlite3_stmt *

  init(owning handle: OpaquePointer) { unsafe self.handle = handle }
  deinit { unsafe sqlite3_finalize(handle) }

  func step() -> Int32 { unsafe sqlite3_step(handle) }

  func reset() {
    unsafe sqlite3_reset(handle)
    unsafe sqlite3_clear_bindings(handle)
  }

  func bind(_ value: SQLiteValue, at place: Int32) -> Int32 {
    switch value {
    case .null: return unsafe sqlite3_bind_null(handle, place)
    case .integer(let number): return unsafe sqlite3_bind_int64(handle, place, number)
    case .real(let number): return unsafe sqlite3_bind_double(handle, place, number)
    case .text(let text): return unsafe csqlite_bind_text(handle, place, text, Int32(clamping: text.utf8.count))
    case .blob(let bytes):
      // A nil pointer would mean NULL instead of an empty blob.
      guard !bytes.isEmpty else { return unsafe sqlite3_bind_zeroblob(handle, place, 0) }
      return unsafe bytes.withUnsafeBytes {
        unsafe csqlite_bind_blob(handle, place, $0.baseAddress, Int32(clamping: $0.count))
      }
    }
  }

  var row: [SQLiteValue] {
    let count = unsafe sqlite3_column_count(handle)
    return (0..<count).map { column($0) }
  }

  private func column(_ index: Int32) -> SQLiteValue {
    switch unsafe sqlite3_column_type(handle, index) {
    case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(handle, index))
    case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(handle, index))
    case SQLITE_TEXT:
      guard let bytes = unsafe sqlite3_column_text(handle, index) else { return .text("") }
      let count = Int(unsafe sqlite3_column_bytes(handle, index))
      return unsafe .text(String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self))
    case SQLITE_BLOB:
      guard let bytes = unsafe sqlite3_column_blob(handle, index) else { return .blob([]) }
      let count = Int(unsafe sqlite3_column_bytes(handle, index))
      return unsafe .blob(Array(UnsafeRawBufferPointer(start: bytes, count: count)))
    default: return .null
    }
  }
}
