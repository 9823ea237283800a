internal import Glibc
internal import Postgres
internal import PrivateCluster
package import Schema
internal import StreakStore

/// Restores a backup. Blocks its thread.
///
/// One transaction holds everything: the dump, the comparison with the manifest, the removal of
/// users erased since, and the new epoch. After an error, or if this program is killed, the target
/// stays empty.
package struct Restore {
  /// The result of a restore.
  package struct Outcome: Sendable {
    package let backup: Backup
    /// The database's new epoch.
    package let epoch: Int64
    /// Number of users in the erasure ledger; none of them is in the database.
    package let erasedCount: Int
  }

  private let folder: BackupFolder
  private let identity: String
  private let signers: BackupSigners
  private let ledger: ErasureLedger?
  private let progress: Progress

  /// - Parameters:
  ///   - identity: The path of the file with the private key.
  ///   - signers: One of these must have signed the backup: no other backup is run.
  ///   - ledger: The erased users; nil if the operator explicitly restores without a ledger.
  package init(
    from folder: BackupFolder, identity: String, signers: BackupSigners, ledger: ErasureLedger?,
    progress: Progress = Progress()
  ) {
    self.folder = folder
    self.identity = identity
    self.signers = signers
    self.ledger = ledger
    self.progress = progress
  }

  package func run(_ name: String, into target: RestoreTarget) throws(OperationsError) -> Outcome {
    signal(SIGPIPE, SIG_IGN)
    let backup = try folder.backup(name, signedBy: signers)
    let programs = try PostgresPrograms()
    try programs.requireRestrictedMode()
    let content = try ledger?.content(signedBy: signers)
    if let torn = content?.tornLine { progress.warn(torn) }
    let erased = content?.records ?? ErasureRecords()
    if let ledger, erased.people.count < backup.erasedCount {
      throw .refused(
        "the erasure ledger \(ledger.path) holds \(erased.people.count) people, and held \(backup.erasedCount) when the backup was made: "
          + "name the whole one with --ledger, or say --without-ledger")
    }
    progress.begin("checking the file")
    if let failure = try folder.hashFailure(backup, progress) { throw .damaged(failure) }
    switch target {
    case .database(let settings):
      // A database may know this user by the operating system: so only the dump runs as another.
      let epoch = try fill(programs, try settings.environment(), nil, dumpUser: try ServerUser.chosen(), backup, erased)
      return Outcome(backup: backup, epoch: epoch, erasedCount: erased.people.count)
    case .dataFolder(let path):
      let cluster = try UnfinishedCluster(path)
      do throws(OperationsError) {
        let configuration: PostgresConfiguration
        do throws(PostgresConfigurationError) {
          configuration = try PostgresConfiguration(connectionString: cluster.connectionString)
        } catch {
          throw OperationsError.database("\(error)")
        }
        let settings = BackupSettings(configuration: configuration, folder: "", recipients: [])
        // psql runs as PostgreSQL's operating system user, never as root.
        let user = try ServerUser.chosen()
        let epoch = try fill(programs, try settings.environment(), user, dumpUser: user, backup, erased)
        progress.begin("stopping")
        try cluster.finish()
        return Outcome(backup: backup, epoch: epoch, erasedCount: erased.people.count)
      } catch {
        cluster.abandon()
        throw error
      }
    }
  }

  /// - Parameters:
  ///   - user: The operating system's user for the given role; nil is our own.
  ///   - dumpUser: The one for the dump, if a role is made for it.
  private func fill(
    _ programs: PostgresPrograms, _ environment: [String], _ user: ServerUser?, dumpUser: ServerUser?, _ backup: Backup,
    _ erased: ErasureRecords
  ) throws(OperationsError) -> Int64 {
    let role = try RestoringRole(programs, environment: environment, user: user)
    do throws(OperationsError) {
      let session = try session(of: role, programs, user: user, dumpUser: dumpUser)
      defer { session.end() }
      let before = signers.allowsUnsigned ? try SchemaDescription.lines(session) : nil
      let epoch = try fill(session, backup, erased) { () throws(OperationsError) in
        guard let before else { return nil }
        return try SchemaDescription.difference(
          in: session, before: before, schema: backup.schemaName, owner: environment, programs, user: user)
      }
      progress.begin("collecting statistics")
      // Before the tables are the given role's: expressions of indexes are evaluated, with their
      // owner's rights.
      for table in try TableFingerprint.tables(session) { try session.run("ANALYZE \(table);") }
      session.end()
      try role.handOver(programs, user: user)
      return epoch
    } catch {
      role.abandon(programs, user: user)
      throw error
    }
  }

  /// A session for the dump, as another user than the given role's if that one reaches the
  /// database.
  private func session(
    of role: RestoringRole, _ programs: PostgresPrograms, user: ServerUser?, dumpUser: ServerUser?
  ) throws(OperationsError) -> PsqlSession {
    guard role.isMade, dumpUser != user else { return try role.session(programs, user: user) }
    do throws(OperationsError) {
      return try role.session(programs, user: dumpUser)
    } catch {
      progress.warn("psql runs the dump as this user, because no other one reaches the database: \(error)")
      return try role.session(programs, user: user)
    }
  }

  /// - Parameter foreign: The difference between the restored schema and streakd's; nil: none.
  private func fill(
    _ session: PsqlSession, _ backup: Backup, _ erased: ErasureRecords,
    foreign: () throws(OperationsError) -> String?
  ) throws(OperationsError) -> Int64 {
    try session.run("SELECT pg_advisory_lock(\(BackupMaker.databaseLock));")
    guard try TableFingerprint.tables(session).isEmpty else {
      throw .refused("the database is not empty; nothing is ever restored over it")
    }
    progress.begin("restoring")
    try session.run("BEGIN;")
    let file = try UnpackedFile(try folder.dump(of: backup.name), identity: identity)
    var script = DumpScript()
    try session.runRestricted { () throws(OperationsError) in
      try script.copy(from: file, of: backup, to: session, progress)
    }
    progress.begin("comparing")
    if let difference = try TableFingerprint.difference(in: session, from: backup) {
      throw .damaged("the backup \(backup.name) restores to something else than its manifest says: \(difference)")
    }
    if let foreign = try foreign() {
      throw .refused(
        "the backup \(backup.name) has no known signature, and its schema is not streakd's: \(foreign)")
    }
    progress.begin("removing erased users")
    let epoch = try Self.finish(session, schema: backup.schemaName, erased)
    try session.run("COMMIT;")
    return epoch
  }

  /// The last step of every restore: removes all erased users, and sets a new epoch.
  static func finish(
    _ session: PsqlSession, schema: String, _ erased: ErasureRecords
  ) throws(OperationsError) -> Int64 {
    try session.run("SET search_path TO \"\(schema.split(separator: "\"").joined(separator: "\"\""))\";")
    try session.run(ErasureScript.text(erased, schema: schema))
    let answer = try session.run("\(StreakStore.raiseEpochText);")
    guard let epoch = answer.first?.first.flatMap({ Int64($0) }) else {
      throw .database("the restored database has no epoch")
    }
    return epoch
  }
}
