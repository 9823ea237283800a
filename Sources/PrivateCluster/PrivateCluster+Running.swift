internal import Glibc

extension PrivateCluster {
  /// Ends the processes that a killed program left running in a data folder.
  ///
  /// - Throws: `.folderUnusable` if the folder is a link or belongs to another user: its content
  ///   may then lead to another PostgreSQL.
  package static func endLeftovers(in dataFolder: String) throws(PrivateClusterError) {
    let user = try ServerUser.choose()
    guard OwnedFolder.isOwn(dataFolder, user: user), let folder = resolvedPath(dataFolder) else {
      throw .folderUnusable("\(dataFolder) is not a folder of ours; move it away")
    }
    for name in ["cluster", DataFolder.unfinishedName] where OwnedFolder.isOwn("\(folder)/\(name)", user: user) {
      try ClusterProcesses(cluster: "\(folder)/\(name)").stopLeftovers()
    }
  }

  /// Checks that the PostgreSQL for a data folder, which need not exist, is installed. Makes
  /// nothing.
  package static func checkInstallation(for dataFolder: String) throws(PrivateClusterError) {
    _ = try PostgresInstallation.find(majorVersion: try DataFolder.clusterVersion(in: dataFolder))
  }

  /// Makes a data folder without a cluster; the caller puts one there.
  package static func makeDataFolder(_ path: String) throws(PrivateClusterError) {
    try DataFolder(opening: path, user: try ServerUser.choose()).unlock()
  }

  /// Makes a data folder if need be, and gives it to the user that this process is about to become.
  package static func prepareDataFolder(_ path: String, for user: ServerUser) throws(PrivateClusterError) {
    let folder = try DataFolder(opening: path, user: user)
    defer { folder.unlock() }
    try folder.giveContents()
  }

  /// Stops the server that another program runs in a data folder, which that program then starts
  /// again: new settings take effect.
  ///
  /// - Returns: Whether a server was running.
  package static func restartServer(in dataFolder: String) -> Bool {
    // The process id in postmaster.pid may belong to another process by now.
    guard let cluster = resolvedPath("\(dataFolder)/cluster"),
      let process = ClusterProcesses(cluster: cluster).serverProcess()
    else { return false }
    return kill(process, SIGINT) == 0
  }

  /// libpq's connection string of the cluster that another program runs in a data folder.
  ///
  /// - Throws: `.folderUnusable` if no cluster runs there.
  package static func connectionString(runningIn dataFolder: String) throws(PrivateClusterError) -> String {
    connectionString(socketFolder: try socketFolder(runningIn: dataFolder))
  }

  /// The folder of the socket of the cluster that another program runs in a data folder.
  ///
  /// - Throws: `.folderUnusable` if no cluster runs there.
  package static func socketFolder(runningIn dataFolder: String) throws(PrivateClusterError) -> String {
    // The fifth line names the folder of the socket.
    let lines = (readFile("\(dataFolder)/cluster/postmaster.pid") ?? "").split(
      separator: "\n", omittingEmptySubsequences: false)
    guard lines.count > 4, !lines[4].isEmpty else {
      throw .folderUnusable("no PostgreSQL runs in \(dataFolder): start streakd on it, or name a --database")
    }
    return String(lines[4])
  }
}
