import Glibc
import SQLite
import Testing

@Suite("SQLite")
struct SQLiteTests {
  /// A fresh folder, removed at the end.
  private final class Folder {
    let path: String
    init() {
      var template = Array("/tmp/sqlite-test-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
      path =
        template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } }
        ?? "/nowhere"
    }
    deinit {
      for suffix in ["", "-wal", "-shm", "-journal"] { unlink("\(path)/file\(suffix)") }
      rmdir(path)
    }
    var file: String { "\(path)/file" }
  }

  @Test("values of every class are read as they were written")
  func values() throws {
    let folder = Folder()
    let database = try SQLiteDatabase(path: folder.file)
    let values: [SQLiteValue] = [
      .null, .integer(.min), .integer(.max), .real(0.5), .text(""), .text("häbit\u{0}x"), .blob([]),
      .blob([0, 1, 255]),
    ]
    try database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v)")
    for (index, value) in values.enumerated() {
      try database.execute("INSERT INTO t VALUES (?, ?)", .integer(Int64(index)), value)
    }
    #expect(try database.rows("SELECT v FROM t ORDER BY n").map { $0[0] } == values)
  }

  @Test("a transaction that throws leaves nothing, and the connection stays usable")
  func rollback() throws {
    let folder = Folder()
    let database = try SQLiteDatabase(path: folder.file)
    try database.execute("CREATE TABLE t (v)")
    #expect(throws: SQLiteError.self) {
      try database.transaction { () throws(SQLiteError) in
        try database.execute("INSERT INTO t VALUES (1)")
        try database.execute("INSERT INTO nowhere VALUES (1)")
      }
    }
    try database.transaction { () throws(SQLiteError) in try database.execute("INSERT INTO t VALUES (2)") }
    #expect(try database.rows("SELECT v FROM t") == [[.integer(2)]])
  }

  @Test("a second connection waits for its time limit only, and reports that the file is busy")
  func busy() throws {
    let folder = Folder()
    let first = try SQLiteDatabase(path: folder.file)
    let second = try SQLiteDatabase(path: folder.file, busyMilliseconds: 1)
    try first.execute("BEGIN IMMEDIATE")
    #expect { try second.execute("BEGIN IMMEDIATE") } throws: { ($0 as? SQLiteError)?.code == 5 }
    try first.execute("COMMIT")
  }

  @Test("read-only access makes no file and changes none")
  func readOnly() throws {
    let folder = Folder()
    #expect(throws: SQLiteError.self) { _ = try SQLiteDatabase(path: folder.file, access: .readOnly) }
    #expect(access(folder.file, F_OK) != 0)
    try SQLiteDatabase(path: folder.file).execute("CREATE TABLE t (v)")
    let reader = try SQLiteDatabase(path: folder.file, access: .readOnly)
    #expect(throws: SQLiteError.self) { try reader.execute("INSERT INTO t VALUES (1)") }
  }

  /// The names in a folder.
  private static func names(in path: String) throws -> Set<String> {
    let folder = try #require(opendir(path))
    defer { closedir(folder) }
    var names: Set<String> = []
    while let entry = readdir(folder) {
      names.insert(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names.subtracting([".", ".."])
  }

  @Test(
    "read-only access to a database in WAL mode leaves nothing beside it, with and without a log",
    arguments: [false, true])
  func writeAheadLog(isOpen: Bool) throws {
    let folder = Folder()
    var writer: SQLiteDatabase? = try SQLiteDatabase(path: folder.file)
    _ = try writer?.rows("PRAGMA journal_mode = WAL")
    try writer?.execute("CREATE TABLE t (v)")
    try writer?.execute("INSERT INTO t VALUES (1)")
    // The last connection to close moves the log into the database and removes it.
    if !isOpen { writer = nil }
    let before = try Self.names(in: folder.path)
    #expect(before.contains("file-wal") == isOpen)
    do {
      let reader = try SQLiteDatabase(path: folder.file, access: .readOnly)
      #expect(try reader.rows("SELECT v FROM t") == [[.integer(1)]])
      #expect(throws: SQLiteError.self) { try reader.execute("INSERT INTO t VALUES (2)") }
      #expect(try Self.names(in: folder.path) == before)
    }
    #expect(try Self.names(in: folder.path) == before)
    withExtendedLifetime(writer) {}
  }

  @Test("a needed copy is removed with its reader")
  func copyIsRemoved() throws {
    let (folder, copies) = (Folder(), Folder())
    let writer = try SQLiteDatabase(path: folder.file)
    _ = try writer.rows("PRAGMA journal_mode = WAL")
    try writer.execute("CREATE TABLE t (v)")
    var reader: SQLiteDatabase? = try SQLiteDatabase(
      path: folder.file, access: .readOnly, copyFolder: copies.path)
    #expect(try Self.names(in: copies.path).count == 1)
    #expect(try reader?.rows("SELECT v FROM t").isEmpty == true)
    reader = nil
    #expect(try Self.names(in: copies.path).isEmpty)
  }

  @Test("a path of a read-only database may hold any character")
  func strangePath() throws {
    let folder = Folder()
    let path = "\(folder.path)/a ?b=c#d%41é&.db"
    defer { unlink(path) }
    try SQLiteDatabase(path: path).execute("CREATE TABLE t (v)")
    #expect(try SQLiteDatabase(path: path, access: .readOnly).rows("SELECT v FROM t").isEmpty)
  }

  @Test("more statements than the limit of prepared ones")
  func manyStatements() throws {
    let database = try SQLiteDatabase(path: ":memory:")
    for number in 0..<200 { #expect(try database.rows("SELECT \(number)") == [[.integer(Int64(number))]]) }
  }

  @Test("the log beside a database is read through a link to the database too")
  func link() throws {
    let folder = Folder()
    let writer = try SQLiteDatabase(path: folder.file)
    _ = try writer.rows("PRAGMA journal_mode = WAL")
    try writer.execute("CREATE TABLE t (v)")
    try writer.execute("INSERT INTO t VALUES (1)")
    let link = Folder()
    #expect(symlink(folder.file, link.file) == 0)
    let reader = try SQLiteDatabase(path: link.file, access: .readOnly)
    #expect(try reader.rows("SELECT v FROM t") == [[.integer(1)]])
  }
}
