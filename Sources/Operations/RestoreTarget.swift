internal import Glibc
internal import PrivateCluster

/// Where a backup is restored to.
public enum RestoreTarget: Sendable {
  /// A data folder for `streakd --data-folder`, which must not exist or be empty. It appears complete or not at all.
  case dataFolder(String)
  /// An empty database, by its address. What comes into it comes in one transaction.
  case database(BackupSettings)
}

/// A private PostgreSQL that is being filled in a folder beside its final place.
final class UnfinishedCluster {
  let connectionString: String
  private let place: String
  private let unfinished: String
  private let lock: Descriptor
  private let cluster: PrivateCluster
  private var isOver = false

  init(_ folder: String) throws(OperationsError) {
    let place = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
    try Files.makeFolder(Files.parent(of: place))
    self.place = Files.absolute(place)
    unfinished = "\(self.place).restoring"
    if Files.exists(self.place) {
      let names = try Files.names(in: self.place)
      guard names.isEmpty else { throw .refused("\(self.place) is not empty; nothing is ever restored over it") }
    }
    guard let lock = try Files.lock("\(unfinished).lock") else {
      throw .underWay("another restore into \(self.place) is under way")
    }
    self.lock = lock
    do {
      // What a killed one left: its PostgreSQL, perhaps still running, is ended by the next start in the folder.
      if Files.exists(unfinished) {
        try PrivateCluster.start(dataFolder: unfinished).stop()
        _ = try ChildProcess.run(["rm", "-rf", "--", unfinished], user: nil)
      }
      cluster = try PrivateCluster.start(dataFolder: unfinished)
    } catch {
      throw .programFailed("\(error)")
    }
    connectionString = cluster.connectionString
  }

  deinit { abandon() }

  /// Stops PostgreSQL, whose last checkpoint puts everything on the disk, and gives the folder its name.
  func finish() throws(OperationsError) {
    isOver = true
    cluster.stop()
    unsafe rmdir(place)
    try Files.rename(unfinished, place)
    unsafe unlink("\(unfinished).lock")
  }

  /// Removes everything.
  func abandon() {
    guard !isOver else { return }
    isOver = true
    cluster.stop()
    _ = try? ChildProcess.run(["rm", "-rf", "--", unfinished], user: nil)
    unsafe unlink("\(unfinished).lock")
  }
}
