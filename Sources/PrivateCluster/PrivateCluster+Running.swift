extension PrivateCluster {
  /// libpq's connection string of the cluster that another program runs in a data folder.
  ///
  /// - Throws: `.folderUnusable` if none runs there.
  public static func connectionString(runningIn dataFolder: String) throws(PrivateClusterError) -> String {
    // The fifth line names the folder of the socket.
    let lines = (readFile("\(dataFolder)/cluster/postmaster.pid") ?? "").split(
      separator: "\n", omittingEmptySubsequences: false)
    guard lines.count > 4, !lines[4].isEmpty else {
      throw .folderUnusable("no PostgreSQL runs in \(dataFolder): start streakd on it, or name a --database")
    }
    return connectionString(socketFolder: String(lines[4]))
  }
}
