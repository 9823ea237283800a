internal import Glibc

/// A database and its write-ahead log or rollback journal, copied into a folder of this process
/// that is removed at the end.
///
/// To read a database whose log holds committed changes, SQLite must write beside it. For a copy
/// this is allowed.
final class PrivateCopy {
  /// Most bytes of the copied files.
  static let bytesMax: Int64 = 1 << 30
  /// The suffixes of the files that belong to a database.
  private static let companions = ["-wal", "-journal"]
  private static let chunkBytes = 1 << 20

  private let folder: String
  /// The path of the copied database.
  let path: String

  /// The path without links; the given one if it names no file.
  static func resolved(_ path: String) -> String {
    guard let real = unsafe realpath(path, nil) else { return path }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  /// Whether a database has a log or a journal that is not empty.
  /// - Parameter path: Without links.
  static func isNeeded(for path: String) -> Bool {
    companions.contains { companion in
      var status = stat()
      return unsafe stat(path + companion, &status) == 0 && status.st_size > 0
    }
  }

  /// - Parameter folder: The folder for the copy's folder; nil: `TMPDIR`, or /tmp.
  init(of path: String, in folder: String?) throws(SQLiteError) {
    let base = unsafe folder ?? getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/sqlite-copy-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    let made = unsafe template.withUnsafeMutableBufferPointer { name in
      unsafe name.baseAddress.flatMap { unsafe mkdtemp($0) }.map { unsafe String(cString: $0) }
    }
    guard let made else { throw Self.failure(base) }
    self.folder = made
    self.path = made + "/copy"
    var bytesLeft = Self.bytesMax
    do throws(SQLiteError) {
      try Self.copy(path, to: self.path, &bytesLeft)
      for companion in Self.companions where unsafe access(path + companion, F_OK) == 0 {
        try Self.copy(path + companion, to: self.path + companion, &bytesLeft)
      }
    } catch {
      remove()
      throw error
    }
  }

  deinit { remove() }

  private func remove() {
    for companion in ["", "-shm"] + Self.companions { unsafe unlink(path + companion) }
    unsafe rmdir(folder)
  }

  private static func copy(_ source: String, to target: String, _ bytesLeft: inout Int64) throws(SQLiteError) {
    let from = unsafe open(source, O_RDONLY | O_CLOEXEC)
    guard from >= 0 else { throw failure(source) }
    defer { close(from) }
    let to = unsafe open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard to >= 0 else { throw failure(target) }
    defer { close(to) }
    var chunk = [UInt8](repeating: 0, count: chunkBytes)
    while true {
      let count = unsafe read(from, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(source) }
      guard count > 0 else { return }
      bytesLeft -= Int64(count)
      guard bytesLeft >= 0 else {
        throw SQLiteError(code: tooBig, message: "the database and its log are larger than \(bytesMax) bytes")
      }
      try writeAll(chunk[..<count], to, target)
    }
  }

  private static func writeAll(_ bytes: ArraySlice<UInt8>, _ file: Int32, _ path: String) throws(SQLiteError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure(path) }
      rest = rest.dropFirst(count)
    }
  }

  /// SQLITE_TOOBIG.
  private static let tooBig: Int32 = 18
  /// SQLITE_IOERR.
  private static let ioError: Int32 = 10

  private static func failure(_ path: String) -> SQLiteError {
    unsafe SQLiteError(code: ioError, message: "\(path): \(String(cString: strerror(errno)))")
  }
}
