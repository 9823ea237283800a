internal import Glibc
internal import PrivateCluster

/// The target of a restore.
package enum RestoreTarget: Sendable {
  /// A data folder for `streakd --data-folder`, which must not exist or be empty. It appears
  /// complete or not at all.
  case dataFolder(String)
  /// An empty database, by its address. It is filled in one transaction.
  case database(BackupSettings)
}

/// A private PostgreSQL that is being filled in a folder beside its final place.
final class UnfinishedCluster {
  let connectionString: String
  private let place: String
  let unfinished: String
  private let lock: Descriptor
  private let cluster: PrivateCluster
  private var isOver = false

  /// - Parameters:
  ///   - startSecondsMax: Longest time until PostgreSQL accepts connections, in seconds.
  ///   - prepare: Fills the folder before PostgreSQL starts in it; without it an empty cluster is
  ///     made.
  init(
    _ folder: String, startSecondsMax: Int = PrivateCluster.startSecondsMax,
    prepare: (_ unfinished: String) throws(OperationsError) -> Void = { _ in }
  ) throws(OperationsError) {
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
      // The folder of a killed restore, perhaps with its PostgreSQL still running.
      if Files.exists(unfinished) {
        try PrivateCluster.endLeftovers(in: unfinished)
        _ = try ChildProcess.run(["rm", "-rf", "--", unfinished], user: nil)
      }
      try prepare(unfinished)
      cluster = try PrivateCluster.start(dataFolder: unfinished, startSecondsMax: startSecondsMax)
    } catch {
      _ = try? ChildProcess.run(["rm", "-rf", "--", unfinished], user: nil)
      unsafe unlink("\(unfinished).lock")
      throw error as? OperationsError ?? .programFailed("\(error)")
    }
    connectionString = cluster.connectionString
  }

  deinit { abandon() }

  /// The last lines of PostgreSQL's log.
  var lastLogLines: String { cluster.lastLogLines }

  /// Stops PostgreSQL, whose shutdown checkpoint writes everything to the disk, and renames the
  /// folder to its final name.
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
