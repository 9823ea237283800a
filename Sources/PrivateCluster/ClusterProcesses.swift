internal import Glibc

/// The processes of a cluster that an earlier program left running: PostgreSQL's processes all work
/// in the data directory.
///
/// They are found by their working directory, not by the number in postmaster.pid: after a restart
/// of the machine that number may belong to another process.
struct ClusterProcesses {
  /// The cluster's data directory, without symbolic links.
  let cluster: String

  /// Longest time for a server's last checkpoint, in seconds.
  static let stopSecondsMax = 60

  /// Ends the processes of an earlier server, and then removes its lock file. No acknowledged
  /// commit is lost: both kinds of shutdown keep the write-ahead log.
  func stopLeftovers() throws(PrivateClusterError) {
    if let server = serverProcess() {
      kill(server, SIGINT)  // "fast shutdown": ends the sessions, writes a checkpoint
      _ = waitUntil(timeoutSeconds: Self.stopSecondsMax) { all().isEmpty }
    }
    let rest = all()
    for process in rest { kill(process, SIGQUIT) }  // "immediate shutdown", also of sessions whose server is gone
    guard waitUntil(timeoutSeconds: Self.stopSecondsMax, { all().isEmpty }) else {
      throw .timedOut("an earlier PostgreSQL in \(cluster) does not end: processes \(all())")
    }
    unsafe unlink("\(cluster)/postmaster.pid")
  }

  /// The process that postmaster.pid names, if it is this cluster's.
  func serverProcess() -> pid_t? {
    guard let text = readFile("\(cluster)/postmaster.pid"),
      let number = text.split(separator: "\n").first.flatMap({ pid_t($0) }), belongsToCluster(number)
    else { return nil }
    return number
  }

  func all() -> [pid_t] {
    (folderEntries("/proc") ?? []).compactMap { pid_t($0) }.filter(belongsToCluster)
  }

  private func belongsToCluster(_ process: pid_t) -> Bool {
    guard linkTarget("/proc/\(process)/cwd") == cluster, let program = linkTarget("/proc/\(process)/exe") else {
      return false
    }
    return program.split(separator: "/").last?.prefix(8) == "postgres"  // "postgres (deleted)" after an upgrade
  }
}
