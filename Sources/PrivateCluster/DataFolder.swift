internal import Glibc
internal import Synchronization

/// The folder that holds a cluster and its other files. One program at a time holds the folder,
/// from `init` to `unlock()`.
///
/// ```
/// lock           held by the program that runs the cluster; the system releases it when that program ends
/// cluster/       PostgreSQL's data directory; appears complete or not at all
/// cluster.new/   a cluster that is being made; left over only after an interruption, then removed
/// socket/        mode 0700: access to the folder is access to the server
/// postgres.log   what PostgreSQL prints; postgres.log.1 to .3 are older
/// ```
final class DataFolder: Sendable {
  let path: String
  let user: ServerUser?
  private let lock: Mutex<Int32?>

  /// The name of a cluster folder while it is being made.
  static let unfinishedName = "cluster.new"

  var cluster: String { "\(path)/cluster" }
  var logFile: String { "\(path)/postgres.log" }

  /// Makes the folder if it does not exist, gives it to the server's user and takes the lock.
  init(opening path: String, user: ServerUser?) throws(PrivateClusterError) {
    // Absolute, because child processes have another working folder.
    let path = try absolutePath(path)
    try Self.make(path, user: user)
    guard let resolved = resolvedPath(path) else {
      throw .folderUnusable("cannot find the data folder \(path): \(lastSystemError())")
    }
    try Self.checkReachable(resolved, user: user)
    let lock = unsafe Glibc.open("\(resolved)/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard lock >= 0 else { throw .folderUnusable("cannot open \(resolved)/lock: \(lastSystemError())") }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw .folderInUse("the data folder \(resolved) is in use by another streakd")
    }
    Self.give(lock, to: user)
    self.path = resolved
    self.user = user
    self.lock = Mutex(lock)
  }

  deinit { unlock() }

  /// Releases the lock. A second call does nothing.
  func unlock() {
    lock.withLock { lock in
      if let descriptor = lock { close(descriptor) }
      lock = nil
    }
  }

  /// The major version that made the cluster, or nil if there is no cluster.
  func clusterVersion() throws(PrivateClusterError) -> Int? { try Self.clusterVersion(in: path) }

  /// The same of a data folder that need not exist.
  static func clusterVersion(in path: String) throws(PrivateClusterError) -> Int? {
    let cluster = "\(path)/cluster"
    guard unsafe access(cluster, F_OK) == 0 else { return nil }
    guard let text = readFile("\(cluster)/PG_VERSION"), let version = Int(text.prefix(while: \.isNumber)) else {
      throw .folderUnusable("\(cluster) is not a PostgreSQL data directory; move it away")
    }
    return version
  }

  /// The log is rotated at this size, in bytes.
  static let logBytesMax = 16_777_216
  /// Most rotated logs that are kept.
  static let oldLogsMax = 3

  /// Rotates the log once it is large. The log is copied and emptied, because PostgreSQL keeps the
  /// file open. Lines written between the two steps are lost.
  func rotateLog() { Self.rotateLog(logFile, bytesMax: Self.logBytesMax) }

  static func rotateLog(_ logFile: String, bytesMax: Int) {
    let log = unsafe Glibc.open(logFile, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard log >= 0 else { return }
    defer { close(log) }
    let size = Int(lseek(log, 0, Int32(SEEK_END)))
    guard size > bytesMax else { return }
    for number in stride(from: oldLogsMax - 1, through: 1, by: -1) {
      unsafe rename("\(logFile).\(number)", "\(logFile).\(number + 1)")
    }
    unsafe unlink("\(logFile).1")
    let old = unsafe Glibc.open("\(logFile).1", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard old >= 0 else { return }
    defer { close(old) }
    var offset: off_t = 0
    while offset < size, unsafe sendfile(old, log, &offset, size - Int(offset)) > 0 {}
    _ = ftruncate(log, 0)
  }

  /// The last lines of PostgreSQL's log.
  var lastLogLines: String {
    let file = unsafe Glibc.open(logFile, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    lseek(file, max(0, lseek(file, 0, Int32(SEEK_END)) - Self.lastWordsBytes), Int32(SEEK_SET))
    return readAll(file, byteLimit: Self.lastWordsBytes).split(separator: "\n").suffix(Self.lastWordsLines)
      .joined(separator: "\n")
  }

  private static let lastWordsBytes = 4_096
  private static let lastWordsLines = 10

  /// Makes the cluster under another name and renames it when it is complete, so that an
  /// interruption leaves nothing half-made.
  ///
  /// - Parameter isDurable: Whether it must survive a power cut.
  func makeCluster(with installation: PostgresInstallation, isDurable: Bool = true) throws(PrivateClusterError) {
    let unfinished = "\(path)/\(Self.unfinishedName)"
    try ClusterProcesses(cluster: unfinished).stopLeftovers()
    _ = try ChildProcess.run(["rm", "-rf", "--", unfinished], user: nil)
    _ = try ChildProcess.run(
      [
        "\(installation.folder)/initdb", "--pgdata=\(unfinished)", "--username=\(PrivateCluster.roleName)",
        "--encoding=UTF8",
        "--locale=C", "--data-checksums", "--auth-local=trust", "--auth-host=reject", "--no-instructions",
      ] + (isDurable ? [] : ["--no-sync"]), user: user, endsWithUs: true)
    guard unsafe rename(unfinished, cluster) == 0 else {
      throw .folderUnusable("cannot rename \(unfinished): \(lastSystemError())")
    }
    let folder = unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw .folderUnusable("cannot open \(path): \(lastSystemError())") }
    fsync(folder)
    close(folder)
  }

  /// Makes the folder for the socket, mode 0700. A socket's address holds at most 107 bytes, and
  /// libpq takes a comma for the end of a name. For a data folder with such a path the socket's
  /// folder is in /tmp, under an unpredictable name.
  func makeSocketFolder() throws(PrivateClusterError) -> String {
    let inside = "\(path)/socket"
    if "\(inside)/.s.PGSQL.5432".utf8.count <= socketAddressBytesMax, !inside.contains(",") {
      try Self.make(inside, user: user)
      return inside
    }
    var template = Array("/tmp/streakd-XXXXXX".utf8CString)
    let isMade = unsafe template.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return false }
      return unsafe mkdtemp(base) != nil
    }
    guard isMade else { throw .folderUnusable("cannot make a socket folder in /tmp: \(lastSystemError())") }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    try Self.make(folder, user: user)
    return folder
  }

  /// Longest address of a unix socket, in bytes (sockaddr_un.sun_path less its terminator).
  private let socketAddressBytesMax = 107

  /// Makes one folder, with its parents, accessible to the server's user only.
  private static func make(_ path: String, user: ServerUser?) throws(PrivateClusterError) {
    if unsafe access(path, F_OK) != 0 {
      if let slash = path.lastIndex(of: "/"), slash != path.startIndex, unsafe access(String(path[..<slash]), F_OK) != 0
      {
        _ = try ChildProcess.run(["mkdir", "-p", "--", String(path[..<slash])], user: nil)
      }
      guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
        throw .folderUnusable("cannot make the folder \(path): \(lastSystemError())")
      }
    }
    // A link to a folder is allowed: the operator made it.
    guard let path = resolvedPath(path) else {
      throw .folderUnusable("cannot find the folder \(path): \(lastSystemError())")
    }
    try OwnedFolder.give(path, to: user)
  }

  /// Gives a file of the folder to the server's user: a program that is not root may hold the
  /// folder next.
  static func give(_ file: Int32, to user: ServerUser?) {
    if let user { _ = fchown(file, user.userID, user.groupID) }
  }

  /// Gives what an earlier program wrote as root to the server's user, and makes sure that the
  /// cluster is that user's.
  func giveContents() throws(PrivateClusterError) {
    guard let user else { return }
    for name in folderEntries(path) ?? [] where name.hasPrefix("postgres.log") {
      let file = unsafe Glibc.open("\(path)/\(name)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      guard file >= 0 else { continue }
      Self.give(file, to: user)
      close(file)
    }
    var status = stat()
    guard unsafe lstat(cluster, &status) == 0, status.st_uid != user.userID else { return }
    throw .folderUnusable(
      "\(cluster) does not belong to the user \(user.name), whom PostgreSQL is to run as: chown -R \(user.name) \(path), "
        + "or name its owner by --user")
  }

  private static func checkReachable(_ path: String, user: ServerUser?) throws(PrivateClusterError) {
    guard let user else { return }
    do throws(PrivateClusterError) {
      _ = try ChildProcess.run(["test", "-w", path], user: user)
    } catch {
      throw .folderUnusable(
        "PostgreSQL does not run as root, and the user \(user.name) cannot enter \(path): a folder above it is closed. "
          + "Name another data folder, such as --data-folder /var/lib/streakd")
    }
  }
}
