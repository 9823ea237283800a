internal import Glibc
internal import SQLite
internal import Synchronization

/// A storage in an SQLite file. A transaction's changes survive kill -9 and a power cut; other
/// processes may use the file as well.
public final class FileStorage: ClientStorage, @unchecked Sendable {
  // Sendable because the database, the only state, is used only while `lock` is held.

  /// The version of the tables below, in the file's `user_version`.
  static let formatVersion: Int64 = 1
  /// "Strk", in the file's `application_id`: a file of another program that is opened by mistake is
  /// not changed.
  static let applicationID: Int64 = 0x5374_726B

  private let database: SQLiteDatabase
  private let lock = Mutex(())

  /// Opens or makes the file; its folder must exist.
  public init(path: String) throws(StorageError) {
    do throws(SQLiteError) {
      database = try Self.open(path)
    } catch {
      throw StorageError("\(path): \(error.message)")
    }
  }

  private static func open(_ path: String) throws(SQLiteError) -> SQLiteDatabase {
    // Readable by its owner only, since it holds credentials; SQLite gives the log beside it the
    // same rights.
    let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if file >= 0 { close(file) }
    let database = try SQLiteDatabase(path: path)
    // One fsync of the log per tap. (In WAL mode, NORMAL would sync only at checkpoints: taps would
    // not survive a power cut.)
    try database.execute("PRAGMA journal_mode = WAL")
    try database.execute("PRAGMA synchronous = FULL")
    try database.transaction { () throws(SQLiteError) in
      let isNew = try database.rows("SELECT 1 FROM sqlite_schema LIMIT 1").isEmpty
      if isNew {
        try database.execute("CREATE TABLE records (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
        try database.execute("PRAGMA application_id = \(applicationID)")
        try database.execute("PRAGMA user_version = \(formatVersion)")
      }
      guard try database.rows("PRAGMA application_id").first?.first?.integer == applicationID else {
        throw SQLiteError(code: 26, message: "is not a file of this program")
      }
      guard let version = try database.rows("PRAGMA user_version").first?.first?.integer, version <= formatVersion
      else { throw SQLiteError(code: 26, message: "was written by a newer version of this program") }
    }
    return database
  }

  public func transaction(
    _ body: (StorageView) throws(StorageError) -> [StorageChange]
  ) throws(StorageError) -> Int64 {
    try lock.withLock { _ throws(StorageError) in try Self.transact(database, body) }
  }

  private static func transact(
    _ database: SQLiteDatabase, _ body: (StorageView) throws(StorageError) -> [StorageChange]
  ) throws(StorageError) -> Int64 {
    var failure: StorageError?
    do throws(SQLiteError) {
      return try database.transaction { () throws(SQLiteError) in
        // Changes only with the commits of other connections.
        let version = try database.rows("PRAGMA data_version").first?.first?.integer ?? 0
        let changes: [StorageChange]
        do throws(StorageError) {
          changes = try body(
            StorageView(version: version) { () throws(StorageError) in try records(database) })
        } catch {
          failure = error
          throw SQLiteError(code: 0, message: "")
        }
        for change in changes {
          if let value = change.value {
            try database.execute(
              "INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
              .blob(change.key), .blob(value))
          } else {
            try database.execute("DELETE FROM records WHERE key = ?", .blob(change.key))
          }
        }
        return version
      }
    } catch {
      throw failure ?? StorageError(error.message)
    }
  }

  private static func records(_ database: SQLiteDatabase) throws(StorageError) -> [StorageRecord] {
    do throws(SQLiteError) {
      var records: [StorageRecord] = []
      try database.forEachRow("SELECT key, value FROM records") { row in
        records.append(StorageRecord(key: row[0].blob ?? [], value: row[1].blob ?? []))
      }
      return records
    } catch {
      throw StorageError(error.message)
    }
  }
}
