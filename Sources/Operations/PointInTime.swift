internal import Glibc
internal import Postgres
internal import PrivateCluster
internal import StreakStore

/// Recovery to any moment, by pgBackRest: base backups and all segments of the write-ahead log, in
/// an encrypted repository.
///
/// For the private PostgreSQL of a data folder. pgBackRest's configuration lies beside the cluster,
/// in `pgbackrest.conf`. It holds the repository's passphrase: without a copy of this file the
/// repository cannot be read. Blocks its thread.
package struct PointInTime: Sendable {
  /// pgBackRest's name for the set of one cluster's backups and log.
  static let stanza = "streakd"
  /// Longest time until a PostgreSQL of this machine has accepted a connection, in seconds.
  static let connectSecondsMax = 10
  /// Longest time until PostgreSQL runs again after a change of its settings, in seconds.
  static let restartSecondsMax = 60

  private let dataFolder: String
  private let progress: Progress

  package init(dataFolder: String, progress: Progress = Progress()) {
    self.dataFolder = Files.absolute(dataFolder)
    self.progress = progress
  }

  var configurationPath: String { "\(dataFolder)/pgbackrest.conf" }

  // MARK: Setting up

  /// Starts archiving: writes the configuration, changes PostgreSQL's settings, restarts it under
  /// its running streakd, makes the repository and a first full backup. If a step fails, all steps
  /// are undone. If this program is killed, the next attempt undoes them first.
  ///
  /// - Parameter repository: The folder of the repository, best on another disk. It is made if it
  ///   does not exist; otherwise it must be empty.
  package func setUp(repository: String, retentionDays: Int) throws(OperationsError) {
    signal(SIGPIPE, SIG_IGN)
    if let text = try Files.read(markerPath) { try undo(repository: String(decoding: text, as: UTF8.self)) }
    guard !Files.exists(configurationPath) else {
      throw .refused("\(configurationPath) is there already: archiving has been set up")
    }
    let session = try session()
    defer { session.end() }
    let repository = Files.absolute(repository)
    if Files.exists(repository), try !Files.names(in: repository).isEmpty {
      throw .refused("the repository \(repository) is not empty; name another folder")
    }
    let user = try serverUser()
    try Files.replace(markerPath, with: Array(repository.utf8))
    do throws(OperationsError) {
      _ = try Self.run(["mkdir", "-p", "-m", "700", "--", repository], nil)
      if let user { _ = try Self.run(["chown", user.name, "--", repository], nil) }
      try Files.replace(
        configurationPath, with: Array(configuration(repository, retentionDays, try socketFolder()).utf8))
      if let user { _ = try Self.run(["chown", user.name, "--", configurationPath], nil) }
      progress.begin("making the repository")
      try pgbackrest(["stanza-create"])
      let command =
        "pgbackrest --config=\(ShellText.quoted(configurationPath)) --stanza=\(Self.stanza) archive-push "
      try session.run(
        """
        ALTER SYSTEM SET archive_mode = on;
        ALTER SYSTEM SET archive_timeout = 60;
        ALTER SYSTEM SET archive_command = \(ErasureScript.literal("\(ShellText.withoutPlaceholders(command))\"%p\""));
        """)
      session.end()
      progress.begin("restarting PostgreSQL")
      try restart()
      progress.begin("checking that the log arrives")
      try pgbackrest(["check"])
      try backUp(full: true)
      unsafe unlink(markerPath)
    } catch {
      do throws(OperationsError) {
        try undo(repository: repository)
      } catch let second {
        throw .programFailed(
          "\(error)\nand what had been done could not be undone (the next try begins with that): \(second)")
      }
      throw error
    }
  }

  /// A file that names the repository while archiving is being set up.
  var markerPath: String { "\(dataFolder)/pgbackrest.setup" }

  /// Undoes the steps of an attempt to set up archiving.
  private func undo(repository: String) throws(OperationsError) {
    progress.begin("undoing")
    let session = try session()
    defer { session.end() }
    try session.run(
      "ALTER SYSTEM RESET archive_mode; ALTER SYSTEM RESET archive_timeout; ALTER SYSTEM RESET archive_command;")
    let isArchiving = try session.run("SELECT current_setting('archive_mode') <> 'off';").first == ["t"]
    session.end()
    if isArchiving { try restart() }
    unsafe unlink(configurationPath)
    // The folder was empty, or missing, before the attempt.
    _ = try Self.run(["rm", "-rf", "--", "\(repository)/archive", "\(repository)/backup"], nil)
    unsafe rmdir(repository)
    unsafe unlink(markerPath)
  }

  /// The folder of the running server's socket. With a long path of the data folder, it changes
  /// with each start.
  private func socketFolder() throws(OperationsError) -> String {
    try Self.server { () throws(PrivateClusterError) in try PrivateCluster.socketFolder(runningIn: dataFolder) }
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
      # Written by streakctl pitr setup. Keep a copy elsewhere: the repository cannot be read without the passphrase.
      # While the repository cannot be written, PostgreSQL keeps its log in the data folder: up to archive-push-queue-max. Beyond that the log is dropped,
      # so that the service goes on, and the next moment to go back to is that of the next pitr backup --full.
      [global]
      repo1-path=\(repository)
      repo1-cipher-type=aes-256-cbc
      repo1-cipher-pass=\(passphrase)
      repo1-retention-full-type=time
      repo1-retention-full=\(retentionDays)
      compress-type=zst
      start-fast=y
      archive-push-queue-max=8GiB
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
    // Polled, because another program starts the server again.
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

  /// Makes a base backup: a full one, or one of the changes since the last.
  package func backUp(full: Bool) throws(OperationsError) {
    progress.begin(full ? "backing up everything" : "backing up what changed")
    try pgbackrest(["backup", "--type=\(full ? "full" : "incr")"])
  }

  /// The repository's content as text for the operator: the moments that can be restored, and
  /// pgBackRest's report. Also what is wrong with the repository, if anything.
  package func list() throws(OperationsError) -> (text: String, failure: String?) {
    let report = try pgbackrest(["info"])
    let archive = try Archive(configuration: configurationPath)
    return (
      archive.ranges(report) + report,
      try health()?.failure ?? (report.contains("status: ok") ? nil : "the repository is damaged or incomplete")
    )
  }

  /// Compares everything in the repository with its checksums.
  package func verify() throws(OperationsError) -> String {
    progress.begin("verifying")
    return try pgbackrest(["verify", "--output=text", "--verbose"])
  }

  // MARK: Restoring

  /// The moment to restore.
  package enum Target: Sendable {
    /// In PostgreSQL's format, such as "2026-11-24 07:00:00+00".
    case time(String)
    /// The end of the log in the repository.
    case latest

    var options: [String] {
      switch self {
      case .time(let text): ["--type=time", "--target=\(text)", "--target-action=promote"]
      case .latest: ["--type=default"]
      }
    }
  }

  /// Makes a new data folder with the cluster's state at a moment, removes the users erased since,
  /// and raises the epoch.
  ///
  /// - Parameters:
  ///   - configuration: A copy of `pgbackrest.conf`.
  ///   - ledger: The erased users; nil if the operator explicitly restores without a ledger.
  ///   - signers: One of these must have signed the ledger.
  /// - Returns: The new epoch.
  package static func restore(
    configuration: String, to target: Target, into folder: String, ledger: ErasureLedger?, signers: BackupSigners,
    progress: Progress = Progress()
  ) throws(OperationsError) -> Int64 {
    signal(SIGPIPE, SIG_IGN)
    guard let settings = try Files.read(configuration) else { throw .refused("there is no file \(configuration)") }
    let archive = try Archive(configuration: configuration)
    if let failure = archive.failure { throw .refused(failure) }
    let content = try ledger?.content(signedBy: signers)
    if let torn = content?.tornLine { progress.warn(torn) }
    let erased = content?.records ?? ErasureRecords()
    do throws(OperationsError) {
      return try restore(settings, to: target, into: folder, erased, progress)
    } catch {
      throw archive.explained(error, target)
    }
  }

  private static func restore(
    _ settings: [UInt8], to target: Target, into folder: String, _ erased: ErasureRecords, _ progress: Progress
  ) throws(OperationsError) -> Int64 {
    // The limit covers any amount of log to replay: a server that cannot reach the moment ends by
    // itself.
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
      let fetch = ShellText.withoutPlaceholders(
        "pgbackrest --config=\(ShellText.quoted(copy)) --stanza=\(stanza) "
          + "--pg1-path=\(ShellText.quoted("\(unfinished)/cluster")) archive-get ")
      _ = try run(
        ["pgbackrest", "--config=\(copy)", "--stanza=\(stanza)", "--pg1-path=\(unfinished)/cluster"] + target.options
          + [
            "--recovery-option=restore_command=\(ShellText.setting("\(fetch)%f \"%p\""))", "--archive-mode=off",
            "restore",
          ], user)
      progress.begin("replaying the log")
    }
    do throws(OperationsError) {
      let environment = try Self.environment(cluster.connectionString)
      let session = try PsqlSession(try PostgresPrograms(), environment: environment)
      defer { session.end() }
      // The server accepts reads before its log is replayed. Polled, because the end of the replay
      // raises no event. A server that cannot reach the moment ends, and so does this session.
      while try session.run("SELECT pg_is_in_recovery();").first != ["f"] { usleep(100_000) }
      guard let schema = try session.run("SELECT current_schema();").first?.first else {
        throw OperationsError.database("no schema")
      }
      // The setting is not needed any more, and it names the passphrase's file.
      try session.run(
        """
        ALTER SYSTEM RESET restore_command; ALTER SYSTEM RESET recovery_target_time; ALTER SYSTEM RESET recovery_target_action;
        """)
      try session.run("BEGIN;")
      progress.begin("removing erased users")
      let epoch = try Restore.finish(session, schema: schema, erased)
      try session.run("COMMIT;")
      session.end()
      unsafe unlink("\(cluster.unfinished)/recovery.conf.pgbackrest")
      try cluster.finish()
      return epoch
    } catch {
      // The last lines of the server's log, which is removed with the folder.
      let lines = cluster.lastLogLines
      cluster.abandon()
      throw .programFailed("\(error)\n\(lines)")
    }
  }

  // MARK: Helpers

  func session() throws(OperationsError) -> PsqlSession {
    let address = try Self.server { () throws(PrivateClusterError) in
      try PrivateCluster.connectionString(runningIn: dataFolder)
    }
    return try PsqlSession(
      try PostgresPrograms(),
      environment: try Self.environment(address) + ["PGCONNECT_TIMEOUT=\(Self.connectSecondsMax)"],
      progress: progress)
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
    let user = try serverUser()
    let connects = arguments.first.map { ["stanza-create", "check", "backup"].contains($0) } ?? false
    let socket = connects ? ["--pg1-socket-path=\(try socketFolder())"] : []
    return try Self.run(
      ["pgbackrest", "--config=\(configurationPath)", "--stanza=\(Self.stanza)"] + socket + arguments, user)
  }

  /// The user that the cluster's PostgreSQL runs as; nil: we are it.
  private func serverUser() throws(OperationsError) -> ServerUser? {
    try Self.server { () throws(PrivateClusterError) in try ServerUser.choose(owning: "\(dataFolder)/cluster") }
  }

  private static func run(_ arguments: [String], _ user: ServerUser?) throws(OperationsError) -> String {
    try server { () throws(PrivateClusterError) in try ChildProcess.run(arguments, user: user) }
  }

  private static func server<Value>(_ body: () throws(PrivateClusterError) -> Value) throws(OperationsError) -> Value {
    do throws(PrivateClusterError) { return try body() } catch { throw .programFailed("\(error)") }
  }
}
