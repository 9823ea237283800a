internal import Glibc

/// A PostgreSQL for trying something out: a temporary folder, a unix socket, nothing durable. Gone with `remove()`; if this program is
/// killed, the server ends by itself and the folder is removed when the next one is made.
///
/// To be made, used and removed on one thread: the server ends with it.
package final class ScratchCluster {
  /// For libpq.
  package let connectionString: String
  /// Where its programs are.
  package let installation: PostgresInstallation

  private let folder: DataFolder
  private let socketFolder: String
  private let server: ChildProcess
  private var isRemoved = false

  /// What the folders' names begin with.
  private static let namePrefix = "streakd-scratch-"

  private static let settings = [
    "fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "wal_level=minimal",
    "max_wal_senders=0", "archive_mode=off", "max_wal_size=4GB", "maintenance_work_mem=128MB", "max_connections=10",
  ]

  /// Makes and starts one.
  ///
  /// - Parameters:
  ///   - parent: The folder to make its folder in; every user must be able to enter it.
  ///   - majorVersion: PostgreSQL's; nil is the newest that is installed.
  package init(in parent: String, majorVersion: Int?) throws(PrivateClusterError) {
    let user = try ServerUser.choose()
    installation = try PostgresInstallation.find(majorVersion: majorVersion)
    Self.removeLeftovers(in: parent)
    var random = SystemRandomNumberGenerator()
    let path = "\(parent)/\(Self.namePrefix)\(String(random.next(), radix: 36))"
    folder = try DataFolder(opening: path, user: user)
    do throws(PrivateClusterError) {
      try folder.makeCluster(with: installation, isDurable: false)
      socketFolder = try folder.makeSocketFolder()
      server = try PrivateCluster.launch(
        installation, folder: folder, socketFolder: socketFolder, settings: Self.settings, endsWithUs: true)
    } catch {
      Self.removeFolder(folder.path)
      folder.unlock()
      throw error
    }
    connectionString = PrivateCluster.connectionString(socketFolder: socketFolder)
  }

  deinit { remove() }

  /// Ends the server and removes everything.
  package func remove() {
    guard !isRemoved else { return }
    isRemoved = true
    kill(server.processID, SIGQUIT)
    _ = server.waitForEnd()
    if socketFolder != "\(folder.path)/socket" { Self.removeFolder(socketFolder) }
    Self.removeFolder(folder.path)
    folder.unlock()
  }

  private static func removeFolder(_ path: String) {
    _ = try? ChildProcess.run(["rm", "-rf", "--", path], user: nil)
  }

  /// Removes the folders of programs that were killed: those whose lock nobody holds.
  private static func removeLeftovers(in parent: String) {
    for name in folderEntries(parent) where name.hasPrefix(namePrefix) {
      let lock = unsafe open("\(parent)/\(name)/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
      guard lock >= 0 else { continue }
      defer { close(lock) }
      guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { continue }
      try? PrivateCluster.endLeftovers(in: "\(parent)/\(name)")
      removeFolder("\(parent)/\(name)")
    }
  }
}
