internal import Glibc
internal import PrivateCluster

/// Where a backup is restored to.
public enum RestoreTarget: Sendable {
  /// A data folder for `streakd --data-folder`, which must not exist or be empty. It appears
  /// complete or not at all.
  case dataFolder(String)
  /// An empty database, by its address. What comes into it comes in one transaction.
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
  ///   - startSecondsMax: How long PostgreSQL may take to accept connections, in seconds.
  ///   - prepare: Puts something into the folder before PostgreSQL starts there; else that makes an
  ///     empty cluster.
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
      // What a killed one left, perhaps with its PostgreSQL still running.
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

  /// What PostgreSQL said last.
  var lastWords: String { cluster.lastWords }

  /// Stops PostgreSQL, whose last checkpoint puts everything on the disk, and gives the folder its
  /// name.
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
