internal import Glibc
internal import Postgres
internal import PrivateCluster
internal import StreakStore

/// Recovery to any moment, by pgBackRest: base backups and every piece of the write-ahead log, in an encrypted repository.
///
/// For the private PostgreSQL of a data folder. What pgBackRest needs lies beside the cluster, in `pgbackrest.conf`; without a copy of that file,
/// which holds the repository's passphrase, nobody can read the repository. Blocks its thread.
public struct PointInTime: Sendable {
  /// pgBackRest's name for what belongs to one cluster.
  static let stanza = "streakd"
  /// How long PostgreSQL may take to be there again after a change of its settings, in seconds.
  static let restartSecondsMax = 60

  private let dataFolder: String
  private let progress: Progress

  public init(dataFolder: String, progress: Progress = Progress()) {
    self.dataFolder = Files.absolute(dataFolder)
    self.progress = progress
  }

  var configurationPath: String { "\(dataFolder)/pgbackrest.conf" }

  // MARK: Setting up

  /// Starts archiving: writes the configuration, changes PostgreSQL's settings, restarts it under its running streakd, makes the repository and a
  /// first full backup.
  ///
  /// - Parameter repository: The folder of the repository, best on another disk; made if need be.
  public func setUp(repository: String, retentionDays: Int) throws(OperationsError) {
    signal(SIGPIPE, SIG_IGN)
    guard !Files.exists(configurationPath) else {
      throw .refused("\(configurationPath) is there already: archiving has been set up")
    }
    let session = try session()
    let repository = Files.absolute(repository)
    let user = try Self.server { () throws(PrivateClusterError) in try ServerUser.choose() }
    _ = try Self.run(["mkdir", "-p", "-m", "700", "--", repository], nil)
    if let user { _ = try Self.run(["chown", user.name, "--", repository], nil) }
    let socket = try session.run("SELECT split_part(current_setting('unix_socket_directories'), ',', 1);")
    guard let socketFolder = socket.first?.first?.filter({ $0 != "\"" }) else { throw .database("no socket folder") }
    try Files.replace(
      configurationPath, with: Array(configuration(repository, retentionDays, socketFolder).utf8))
    if let user { _ = try Self.run(["chown", user.name, "--", configurationPath], nil) }
    do throws(OperationsError) {
      progress.begin("making the repository")
      try pgbackrest(["stanza-create"])
      let command = "pgbackrest --config=\(configurationPath) --stanza=\(Self.stanza) archive-push \"%p\""
      try session.run(
        """
        ALTER SYSTEM SET archive_mode = on;
        ALTER SYSTEM SET archive_timeout = 60;
        ALTER SYSTEM SET archive_command = \(ErasureScript.literal(command));
        """)
      session.end()
      progress.begin("restarting PostgreSQL")
      try restart()
      progress.begin("checking that the log arrives")
      try pgbackrest(["check"])
    } catch {
      unsafe unlink(configurationPath)
      throw error
    }
    try backUp(full: true)
  }

  private func configuration(
    _ repository: String, _ retentionDays: Int, _ socketFolder: String
  ) -> String {
    var generator = SystemRandomNumberGenerator()
    let passphrase = (0..<4).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
    return """
      # Written by streakctl pitr setup. Keep a copy elsewhere: without the passphrase nobody can read the repository.
      [global]
      repo1-path=\(repository)
      repo1-cipher-type=aes-256-cbc
      repo1-cipher-pass=\(passphrase)
      repo1-retention-full-type=time
      repo1-retention-full=\(retentionDays)
      compress-type=zst
      start-fast=y
      log-level-file=off
      log-level-console=warn
      log-level-stderr=off
      lock-path=/tmp/streakd-pgbackrest-\(String(generator.next(), radix: 36))

      [\(Self.stanza)]
      pg1-path=\(dataFolder)/cluster
      pg1-port=5432
      pg1-socket-path=\(socketFolder)
      pg1-user=streakd
      pg1-database=postgres

      """
  }

  private func restart() throws(OperationsError) {
    let before = try startTime()
    guard PrivateCluster.restartServer(in: dataFolder) else { throw .database("no PostgreSQL runs in \(dataFolder)") }
    // Polled: whoever starts it again is another program.
    for _ in 0..<(Self.restartSecondsMax * 10) {
      usleep(100_000)
      if let now = try? startTime(), now != before { return }
    }
    throw .database(
      "PostgreSQL was not started again within \(Self.restartSecondsMax) s: does streakd run on \(dataFolder)?")
  }

  private func startTime() throws(OperationsError) -> [[String]] {
    try session().run("SELECT pg_postmaster_start_time();")
  }

  // MARK: Backups

  /// Makes a base backup: of everything, or of what changed since the last.
  public func backUp(full: Bool) throws(OperationsError) {
    progress.begin(full ? "backing up everything" : "backing up what changed")
    try pgbackrest(["backup", "--type=\(full ? "full" : "incr")"])
  }

  /// What is in the repository, as pgBackRest tells it.
  public func list() throws(OperationsError) -> String { try pgbackrest(["info"]) }

  /// Compares everything in the repository with its checksums.
  public func verify() throws(OperationsError) -> String {
    progress.begin("verifying")
    return try pgbackrest(["verify", "--output=text", "--verbose"])
  }

  // MARK: Restoring

  /// Makes a new data folder as the cluster was at a moment, removes who was erased since, and raises the epoch.
  ///
  /// - Parameters:
  ///   - configuration: A copy of `pgbackrest.conf`.
  ///   - moment: A time as PostgreSQL reads it, such as "2026-11-24 07:00:00+00".
  ///   - ledger: Who was erased; nil is the operator's explicit wish to go without.
  /// - Returns: The new epoch.
  public static func restore(
    configuration: String, to moment: String, into folder: String, ledger: ErasureLedger?,
    progress: Progress = Progress()
  ) throws(OperationsError) -> Int64 {
    signal(SIGPIPE, SIG_IGN)
    guard let settings = try Files.read(configuration) else { throw .refused("there is no file \(configuration)") }
    let erased = try ledger?.records() ?? ErasureRecords()
    // However much log there is to replay: a server that cannot reach the moment ends by itself.
    let cluster = try UnfinishedCluster(folder, startSecondsMax: PrivateCluster.replaySecondsMax) {
      unfinished throws(OperationsError) in
      let user = try server { () throws(PrivateClusterError) in
        try PrivateCluster.makeDataFolder(unfinished)
        return try ServerUser.choose()
      }
      // A copy that the server's user can read: PostgreSQL fetches the log with it.
      let copy = "\(unfinished)/recovery.conf.pgbackrest"
      try Files.replace(copy, with: settings)
      if let user { _ = try run(["chown", user.name, "--", copy], nil) }
      progress.begin("restoring")
      _ = try run(
        [
          "pgbackrest", "--config=\(copy)", "--stanza=\(stanza)", "--pg1-path=\(unfinished)/cluster", "--type=time",
          "--target=\(moment)", "--target-action=promote", "--archive-mode=off", "restore",
        ], user)
      progress.begin("replaying the log")
    }
    do throws(OperationsError) {
      let environment = try Self.environment(cluster.connectionString)
      let session = try PsqlSession(try PostgresPrograms(), environment: environment)
      defer { session.end() }
      // Readable before its log is replayed. Polled: nothing tells us; a server that cannot reach the moment ends, and the session with it.
      while try session.run("SELECT pg_is_in_recovery();").first != ["f"] { usleep(100_000) }
      guard let schema = try session.run("SELECT current_schema();").first?.first else {
        throw OperationsError.database("no schema")
      }
      // Not needed any more, and it names the passphrase's file.
      try session.run(
        "ALTER SYSTEM RESET restore_command; ALTER SYSTEM RESET recovery_target_time; ALTER SYSTEM RESET recovery_target_action;"
      )
      try session.run("BEGIN;")
      progress.begin("removing who was erased")
      let epoch = try Restore.finish(session, schema: schema, erased)
      try session.run("COMMIT;")
      session.end()
      unsafe unlink("\(cluster.unfinished)/recovery.conf.pgbackrest")
      try cluster.finish()
      return epoch
    } catch {
      cluster.abandon()
      throw error
    }
  }

  // MARK: Helpers

  private func session() throws(OperationsError) -> PsqlSession {
    let address = try Self.server { () throws(PrivateClusterError) in
      try PrivateCluster.connectionString(runningIn: dataFolder)
    }
    return try PsqlSession(try PostgresPrograms(), environment: try Self.environment(address))
  }

  private static func environment(_ connectionString: String) throws(OperationsError) -> [String] {
    do throws(PostgresConfigurationError) {
      return PostgresPrograms.environment(
        try PostgresConfiguration(connectionString: connectionString).environment())
    } catch {
      throw .database("\(error)")
    }
  }

  @discardableResult
  private func pgbackrest(_ arguments: [String]) throws(OperationsError) -> String {
    guard Files.exists(configurationPath) else {
      throw .refused("archiving is not set up for \(dataFolder): streakctl pitr setup")
    }
    let user = try Self.server { () throws(PrivateClusterError) in try ServerUser.choose() }
    return try Self.run(
      ["pgbackrest", "--config=\(configurationPath)", "--stanza=\(Self.stanza)"] + arguments, user)
  }

  private static func run(_ arguments: [String], _ user: ServerUser?) throws(OperationsError) -> String {
    try server { () throws(PrivateClusterError) in try ChildProcess.run(arguments, user: user) }
  }

  private static func server<Value>(_ body: () throws(PrivateClusterError) -> Value) throws(OperationsError) -> Value {
    do throws(PrivateClusterError) { return try body() } catch { throw .programFailed("\(error)") }
  }
}
