internal import Glibc

/// A temporary PostgreSQL server: a temporary folder, a unix socket, nothing durable. `remove()`
/// ends it. If this program is killed, the server ends by itself and a helper process removes the
/// folder. Folders that are left nevertheless are removed when the next scratch cluster is made, or
/// by `removeLeftovers`.
///
/// Make, use and remove it on one thread: the server ends with that thread.
package final class ScratchCluster {
  /// libpq's connection string.
  package let connectionString: String
  /// The folder of its programs.
  package let installation: PostgresInstallation

  private let own: ScratchFolder
  private let folder: DataFolder
  private let socketFolder: String
  private let server: ChildProcess
  private let remover: Remover
  private var isRemoved = false

  private static let settings = [
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "wal_level=minimal",
    "max_wal_senders=0", "archive_mode=off", "max_wal_size=4GB", "maintenance_work_mem=128MB", "max_connections=10",
  ]

  /// Makes and starts a scratch cluster.
  ///
  /// - Parameters:
  ///   - parent: The folder to make its folder in; every user must be able to enter it.
  ///   - majorVersion: PostgreSQL's; nil: the newest that is installed.
  package init(in parent: String, majorVersion: Int?) throws(PrivateClusterError) {
    let user = try ServerUser.choose()
    installation = try PostgresInstallation.find(majorVersion: majorVersion)
    own = try ScratchFolder(in: parent, user: user)
    Self.removeLeftovers(of: own.path, user: user)
    var random = SystemRandomNumberGenerator()
    folder = try DataFolder(opening: "\(own.path)/\(String(random.next(), radix: 36))", user: user)
    remover = try Remover(of: folder.path)
    do throws(PrivateClusterError) {
      try folder.makeCluster(with: installation, isDurable: false)
      socketFolder = try folder.makeSocketFolder()
      server = try PrivateCluster.launch(
        installation, folder: folder, socketFolder: socketFolder, settings: Self.settings)
    } catch {
      Self.removeFolder(folder.path)
      remover.end()
      folder.unlock()
      throw error
    }
    connectionString = PrivateCluster.connectionString(socketFolder: socketFolder)
  }

  deinit { remove() }

  /// Ends the server and removes its folder.
  package func remove() {
    guard !isRemoved else { return }
    isRemoved = true
    kill(server.processID, SIGQUIT)
    _ = server.waitForEnd()
    if socketFolder != "\(folder.path)/socket" { Self.removeFolder(socketFolder) }
    Self.removeFolder(folder.path)
    remover.end()
    folder.unlock()
  }

  /// Removes what killed programs left in a folder, including all restored data.
  ///
  /// - Parameter parent: As in `init`.
  package static func removeLeftovers(in parent: String) throws(PrivateClusterError) {
    let user = try ServerUser.choose()
    guard let parent = resolvedPath(parent) else { return }
    for path in ScratchFolder.existing(in: parent, user: user) {
      removeLeftovers(of: path, user: user)
      unsafe rmdir(path)
    }
  }

  private static func removeFolder(_ path: String) {
    _ = try? ChildProcess.run(["rm", "-rf", "--", path], user: nil)
  }

  /// Removes the folders of killed programs: those whose lock is free.
  private static func removeLeftovers(of own: String, user: ServerUser?) {
    for name in folderEntries(own) ?? [] where OwnedFolder.isOwn("\(own)/\(name)", user: user) {
      let path = "\(own)/\(name)"
      let lock = unsafe open("\(path)/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
      guard lock >= 0 else { continue }
      defer { close(lock) }
      guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { continue }
      try? PrivateCluster.endLeftovers(in: path)
      removeFolder(path)
    }
  }
}

/// A helper process that removes a folder once this program has ended, even by a crash.
private struct Remover {
  private let child: ChildProcess
  /// The system closes it when this program ends; the helper process waits for that.
  private let input: Int32

  private static let script = """
    cat > /dev/null
    for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      rm -rf -- "$1" && { rmdir -- "${1%/*}"; exit 0; }
      sleep 0.2
    done
    """

  init(of path: String) throws(PrivateClusterError) {
    let ends = try ChildProcess.pipe()
    let nowhere = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer {
      close(nowhere)
      close(ends[0])
    }
    do throws(PrivateClusterError) {
      child = try ChildProcess.start(
        ["sh", "-c", Self.script, "streakd-remover", path], user: nil, input: ends[0], output: nowhere)
    } catch {
      close(ends[1])
      throw error
    }
    input = ends[1]
  }

  /// Ends the helper process, after the folder has been removed. Call it once.
  func end() {
    close(input)
    _ = child.waitForEnd()
  }
}
