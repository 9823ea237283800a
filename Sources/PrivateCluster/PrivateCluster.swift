internal import Glibc
internal import Synchronization

/// A PostgreSQL server of our own: made on first use, reachable through a unix socket only, running
/// as an unprivileged user, restarted when it crashes, stopped in order with the program that
/// started it.
///
/// One thread starts the server process and waits for it. The system ends the server (SIGQUIT) when
/// this program ends, even by a crash. Acknowledged commits survive the sudden end of this program,
/// of PostgreSQL, or of both.
package final class PrivateCluster: Sendable {
  /// libpq's connection string, as the role that owns everything in the cluster.
  package let connectionString: String
  /// libpq's connection string, as the role that serves requests; the owner makes that role.
  package let servingConnectionString: String

  /// The database role that owns everything in the cluster.
  static let roleName = "streakd"
  /// The database role that requests are served under.
  package static let servingRoleName = "streakd_serving"

  /// Longest time until a server accepts connections, crash recovery included, in seconds.
  package static let startSecondsMax = 120
  /// The same limit for a server that replays the log from a base backup, in seconds: a week.
  package static let replaySecondsMax = 604_800

  private let folder: DataFolder
  private let installation: PostgresInstallation
  private let socketFolder: String
  private let report: @Sendable (String) -> Void
  private let state: Mutex<State>

  /// The server's state, and the states that may follow.
  private enum State: Equatable {
    /// The first start is under way. Then `running`, or `failed`.
    case starting
    /// The first start failed. Final.
    case failed(PrivateClusterError)
    /// The server runs. Then `restarting` if it ends by itself, `stopping` if we end it.
    case running(pid_t)
    /// The server ended by itself and is about to be started again. Then `running` or `stopping`.
    case restarting
    /// We are ending the server. Then `stopped`.
    case stopping
    /// The server has ended. Final.
    case stopped
  }

  /// Starts the cluster in a data folder, making it first if it does not exist, and waits until it
  /// accepts connections. Blocks the thread: for a program's start.
  ///
  /// - Parameters:
  ///   - dataFolder: Made if absent. Given to the server's user if we are root.
  ///   - startSecondsMax: Longest time until the server accepts connections, in seconds.
  ///   - isWanted: Called repeatedly while the server starts; once it returns false, the start ends
  ///     and no server runs.
  ///   - report: Receives messages for the operator, such as a crash and a restart. Called on the
  ///     thread that watches the server.
  package static func start(
    dataFolder: String, startSecondsMax: Int = startSecondsMax,
    report: @escaping @Sendable (String) -> Void = { _ in }, isWanted: @escaping @Sendable () -> Bool = { true }
  ) throws(PrivateClusterError) -> PrivateCluster {
    let user = try ServerUser.choose()
    try checkInstallation(for: dataFolder)
    let folder = try DataFolder(opening: dataFolder, user: user)
    let version = try folder.clusterVersion()
    let installation = try PostgresInstallation.find(majorVersion: version)
    if version == nil { try folder.makeCluster(with: installation) }
    try ClusterProcesses(cluster: folder.cluster).stopLeftovers()
    let socketFolder = try folder.makeSocketFolder()
    let cluster = PrivateCluster(
      folder: folder, installation: installation, socketFolder: socketFolder, report: report)
    // The system ends the server together with the thread that started it. So the watching thread
    // starts it: that thread lives as long as this program.
    try cluster.watch { [cluster] in
      do throws(PrivateClusterError) {
        let server = try launch(
          installation, folder: folder, socketFolder: socketFolder,
          settings: ClusterSettings(cluster: folder.cluster).all,
          startSecondsMax: startSecondsMax, isWanted: isWanted)
        cluster.state.withLock { $0 = .running(server.processID) }
        cluster.keepRunning(server)
      } catch {
        cluster.state.withLock { $0 = .failed(error) }
      }
    }
    _ = waitUntil(timeoutSeconds: .max / 1_000) { cluster.state.withLock { $0 != .starting } }
    guard case .failed(let error) = cluster.state.withLock({ $0 }) else { return cluster }
    cluster.leaveFolder()
    throw error
  }

  private init(
    folder: DataFolder, installation: PostgresInstallation, socketFolder: String,
    report: @escaping @Sendable (String) -> Void
  ) {
    self.folder = folder
    self.installation = installation
    self.socketFolder = socketFolder
    self.report = report
    self.state = Mutex(.starting)
    connectionString = Self.connectionString(socketFolder: socketFolder)
    servingConnectionString = Self.connectionString(socketFolder: socketFolder, role: Self.servingRoleName)
  }

  static func connectionString(socketFolder: String, role: String = roleName) -> String {
    var host = ""
    for character in socketFolder {
      if character == "'" || character == "\\" { host.append("\\") }
      host.append(character)
    }
    return "host='\(host)' port=5432 user=\(role) dbname=postgres"
  }

  /// Rotates a log that has grown large: see `DataFolder.rotateLog`. Call it regularly.
  package func rotateLog() { folder.rotateLog() }

  /// The last lines of PostgreSQL's log.
  package var lastLogLines: String { folder.lastLogLines }

  /// Stops the server by a fast shutdown and waits until it has ended. Blocks the thread. A second
  /// call does nothing.
  package func stop() {
    let server: pid_t? = state.withLock { state in
      defer { if state != .stopped { state = .stopping } }
      guard case .running(let server) = state else { return nil }
      return server
    }
    if let server { kill(server, SIGINT) }
    let ended = waitUntil(timeoutSeconds: ClusterProcesses.stopSecondsMax) { state.withLock { $0 == .stopped } }
    if !ended, let server {
      report(
        "PostgreSQL did not end within \(ClusterProcesses.stopSecondsMax) s; it is ended at once and recovers at the next start"
      )
      kill(server, SIGQUIT)
      _ = waitUntil(timeoutSeconds: ClusterProcesses.stopSecondsMax) { state.withLock { $0 == .stopped } }
    }
    leaveFolder()
  }

  private func leaveFolder() {
    folder.unlock()
    if socketFolder != "\(folder.path)/socket" { unsafe rmdir(socketFolder) }
  }

  /// Starts the server process and waits until it accepts connections. No process of an earlier
  /// server may be left: see `stopLeftovers`.
  static func launch(
    _ installation: PostgresInstallation, folder: DataFolder, socketFolder: String, settings: [String],
    startSecondsMax: Int = startSecondsMax, isWanted: () -> Bool = { true }
  ) throws(PrivateClusterError) -> ChildProcess {
    let log = unsafe open(folder.logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard log >= 0 else { throw .folderUnusable("cannot open \(folder.logFile): \(lastSystemError())") }
    defer { close(log) }
    DataFolder.give(log, to: folder.user)
    // A server that has ended keeps its process id until its parent waits for it, and to PostgreSQL
    // that id means a running server.
    unsafe unlink("\(socketFolder)/.s.PGSQL.5432.lock")
    let server = try ChildProcess.start(
      [
        "\(installation.folder)/postgres", "-D", folder.cluster, "-p", "5432",
        "-c", "listen_addresses=",
        "-c",
        "unix_socket_directories=\"\(socketFolder.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\"",
        "-c", "unix_socket_permissions=0700",
      ] + settings.flatMap { ["-c", $0] }, user: folder.user, output: log, endsWithUs: true)
    var ended = false
    var wanted = true
    let ready = waitUntil(timeoutSeconds: startSecondsMax) {
      ended = kill(server.processID, 0) != 0 || hasEnded(server.processID)
      wanted = isWanted()
      return ended || !wanted || isReady(folder.cluster, processID: server.processID)
    }
    if ready, !ended, wanted { return server }
    if !ended { kill(server.processID, SIGQUIT) }
    let end = server.waitForEnd()
    guard wanted else { throw .stopped("the start of PostgreSQL was given up") }
    let lastLogLines = folder.lastLogLines
    throw ended
      ? .programFailed("PostgreSQL \(end); see \(folder.logFile):\n\(lastLogLines)")
      : .timedOut("PostgreSQL did not accept connections within \(startSecondsMax) s; see \(folder.logFile)")
  }

  /// Whether the process has ended and is a zombie.
  private static func hasEnded(_ processID: pid_t) -> Bool {
    guard let status = readFile("/proc/\(processID)/stat"), let name = status.lastIndex(of: ")") else { return true }
    return status[name...].dropFirst(2).first == "Z"
  }

  /// PostgreSQL writes its process id into line 1 of postmaster.pid and "ready" into line 8 once it
  /// accepts connections.
  private static func isReady(_ cluster: String, processID: pid_t) -> Bool {
    let lines = (readFile("\(cluster)/postmaster.pid") ?? "").split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count >= 8 && lines[0] == "\(processID)" && lines[7].hasPrefix("ready")
  }

  /// Starts the thread that starts the server and waits for its end.
  private func watch(_ body: @escaping @Sendable () -> Void) throws(PrivateClusterError) {
    let argument = unsafe Unmanaged.passRetained(Watch(body))  // released by the thread
    var thread = pthread_t()
    let failure = unsafe pthread_create(
      &thread, nil,
      { argument in
        guard let argument = unsafe argument else { preconditionFailure("a thread without its argument") }
        unsafe Unmanaged<Watch>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, argument.toOpaque())
    guard failure == 0 else {
      unsafe argument.release()
      throw .programFailed("cannot start a thread: \(unsafe String(cString: strerror(failure)))")
    }
    pthread_detach(thread)
  }

  private final class Watch: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Waits for the server to end and starts it again, unless we are stopping. The first attempt
  /// follows after 0.1 s, each further one after twice as long, up to 10 s. After a server that ran
  /// for a minute the delay starts over at 0.1 s.
  private func keepRunning(_ first: ChildProcess) {
    var server: ChildProcess? = first
    var backoffMilliseconds: UInt32 = 100
    while true {
      let startedAt = time(nil)
      let end = server?.waitForEnd()
      if time(nil) - startedAt >= 60 { backoffMilliseconds = 100 }
      let stopping = state.withLock { state in
        state = state == .stopping ? .stopped : .restarting
        return state == .stopped
      }
      if stopping { return }
      if let end { report("PostgreSQL \(end); starting it again in \(backoffMilliseconds) ms") }
      usleep(backoffMilliseconds * 1000)
      backoffMilliseconds = min(backoffMilliseconds * 2, 10_000)
      server = restart()
    }
  }

  /// Nil if the attempt failed.
  private func restart() -> ChildProcess? {
    do throws(PrivateClusterError) {
      try ClusterProcesses(cluster: folder.cluster).stopLeftovers()
      let server = try Self.launch(
        installation, folder: folder, socketFolder: socketFolder, settings: ClusterSettings(cluster: folder.cluster).all
      )
      let stopping = state.withLock { state in
        if state == .restarting { state = .running(server.processID) }
        return state == .stopping
      }
      if stopping { kill(server.processID, SIGINT) } else { report("PostgreSQL is running again") }
      return server
    } catch {
      report("PostgreSQL cannot be started: \(error)")
      return nil
    }
  }
}
