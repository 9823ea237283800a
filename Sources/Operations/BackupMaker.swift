internal import GRPCSchema
internal import Glibc
internal import PrivateCluster
internal import ProtobufCodec
package import Schema
internal import SchemaConversion
package import StreakDomain
internal import StreakStore

/// Makes one backup: dumps, compresses, encrypts, and restores the same stream as a test.
///
/// ```
/// pg_dump --> us (fingerprints) --> zstd --> age --> us (SHA-256) --> file
///              \--> psql --> scratch PostgreSQL, whose tables are then compared with the dump's
/// ```
/// Blocks its thread.
package struct BackupMaker {
  /// The advisory lock held while a database is being backed up; the number is arbitrary.
  static let databaseLock: Int64 = 0x5374_7265_616B_6402

  private let settings: BackupSettings
  private let progress: Progress
  private let now: () -> Instant

  /// - Parameter now: The current time, for the backup's name and the rows about runs.
  package init(
    _ settings: BackupSettings, progress: Progress = Progress(), now: @escaping () -> Instant = { .now() }
  ) {
    self.settings = settings
    self.progress = progress
    self.now = now
  }

  /// Makes a backup if `isDue` returns true. It is called under the database's lock, so that only
  /// one of several programs makes the backup.
  ///
  /// - Parameter isDue: Receives when the last good backup of any program began.
  /// - Returns: The backup, which may have failed its trial restore (see `Backup.trial`); nil if
  ///   none was due.
  package func run(if isDue: (Instant?) -> Bool = { _ in true }) throws(OperationsError) -> Backup? {
    signal(SIGPIPE, SIG_IGN)
    let recipients = try settings.recipientArguments()
    let key = if let known = settings.signingKey { known } else { try BackupSigningKey(file: settings.signingKeyFile) }
    let environment = try settings.environment()
    progress.begin("connecting")
    let session = try PsqlSession(try PostgresPrograms(), environment: environment, progress: progress)
    defer { session.end() }
    guard try session.run("SELECT pg_try_advisory_lock(\(Self.databaseLock));").first == ["t"] else {
      throw .underWay("another program makes a backup of this database")
    }
    guard try session.run("SELECT to_regclass('backup_runs') IS NOT NULL;").first == ["t"] else {
      throw .database("the database's schema is older than this program; start streakd on it first")
    }
    // The folder decides: the database's rows about runs may belong to another folder, or be lost.
    let signers = try BackupSigners(of: key)
    guard isDue(try (try? BackupFolder(settings.folder))?.lastGood(signedBy: signers, at: now())) else { return nil }

    let began = now()
    do throws(OperationsError) {
      let backup = try make(recipients, key, environment, session, began)
      note(session, began, backup: backup.name, failure: backup.trial?.failure)
      return backup
    } catch {
      // If the session is broken, this run is not recorded; the next run and the metrics show the
      // failure.
      note(session, began, backup: nil, failure: error.description)
      throw error
    }
  }

  private func note(_ session: PsqlSession, _ began: Instant, backup: String?, failure: String?) {
    func text(_ value: String?) -> String {
      guard let value, !value.isEmpty else { return "NULL" }
      return ErasureScript.literal(value)
    }
    let run = BackupRunRecord.insertText(
      beganAt: "to_timestamp(\(began.seconds))", endedAt: "to_timestamp(\(now().seconds))", backup: text(backup),
      failure: text(failure))
    _ = try? session.run("ROLLBACK; \(run);")
  }

  private func make(
    _ recipients: [String], _ key: BackupSigningKey, _ environment: [String], _ session: PsqlSession, _ began: Instant
  ) throws(OperationsError) -> Backup {
    let folder = try settings.makesFolder ? BackupFolder(making: settings.folder) : BackupFolder(settings.folder)
    if !folder.ledger.exists {
      guard settings.makesFolder else { throw .fileUnusable(folder.missingLedger) }
      progress.warn("\(folder.path) is a new backup folder: its erasure ledger begins with what the database knows")
    }
    let lock = try folder.lock()
    defer { lock.close() }
    try folder.removeUnfinished()
    let signers = try BackupSigners(of: key)
    if folder.ledger.exists, let torn = try folder.ledger.content(signedBy: signers).tornLine { progress.warn(torn) }
    try folder.ledger.append(try Self.erasures(session), key)
    let erasedCount = try folder.ledger.content(signedBy: signers).records.people.count

    let name = BackupFolder.name(at: began.seconds)
    let unfinished = "\(BackupFolder.unfinishedPrefix)\(name)"
    let place = try OpenFolder(folder.path)
    let made = try place.makeFolder(unfinished)
    do throws(OperationsError) {
      var backup = try dump(into: made, recipients, environment, session)
      backup.name = name
      backup.beganAt = GoogleProtobufTimestamp(began.wholeSeconds)
      backup.endedAt = GoogleProtobufTimestamp(now().wholeSeconds)
      backup.recipients = settings.recipients
      backup.erasedCount = Int64(erasedCount)
      let manifest = try BackupFolder.encode(backup)
      try made.replace(BackupFolder.manifestName, with: manifest)
      try made.replace(BackupFolder.signatureName, with: BackupSigners.signature(key, manifest))
      try made.synchronize()
      try place.rename(unfinished, name)
      return backup
    } catch {
      try? place.remove(unfinished)
      throw error
    }
  }

  /// All users that the database knows to be erased. The ledger may lack some, when their server
  /// could not write to it.
  private static func erasures(_ session: PsqlSession) throws(OperationsError) -> ErasureRecords {
    var records = ErasureRecords()
    for row in try session.run(
      "SELECT replace(user_id::text, '-', ''), extract(epoch FROM erased_at)::bigint FROM erasure.people;")
    where row.count == 2 {
      guard let userID = Identifier(hexadecimal: row[0]), let seconds = Int64(row[1]) else { continue }
      records.people.append(ErasureRecords.Person(userID: userID, erasedAt: Instant(seconds: seconds)))
    }
    for row in try session.run(
      """
      SELECT replace(session_id::text, '-', ''), encode(secret_hash, 'hex'), replace(user_id::text, '-', '')
      FROM erasure.sessions;
      """)
    where row.count == 3 {
      guard let sessionID = Identifier(hexadecimal: row[0]), let hash = ErasureLedger.bytes(hex: row[1][...]),
        let userID = Identifier(hexadecimal: row[2])
      else { continue }
      records.sessions.append(ErasureRecords.Session(sessionID: sessionID, secretHash: hash, userID: userID))
    }
    return records
  }

  // MARK: The stream

  private func dump(
    into folder: OpenFolder, _ recipients: [String], _ environment: [String], _ session: PsqlSession
  ) throws(OperationsError) -> Backup {
    var backup = Backup()
    backup.layoutVersion = BackupFolder.layoutVersion
    let version = try session.run("SELECT current_setting('server_version_num')::integer / 10000;")
    guard let major = version.first?.first.flatMap({ Int32($0) }) else { throw .database("which PostgreSQL is this?") }
    backup.postgresVersion = major
    let programs = try PostgresPrograms(majorVersion: Int(major))
    let trial = TrialRestore(in: settings.scratchFolder, majorVersion: Int(major), programs, progress)
    defer { trial.end() }

    let snapshot = try session.run(
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();")
    guard let snapshotID = snapshot.first?.first else { throw .database("no snapshot") }
    progress.begin("dumping")
    let (dumpOutput, dumpInput) = try Descriptor.pipe()
    let dump = try Program(
      [programs.dump, "--no-owner", "--no-privileges", "--encoding=UTF8", "--snapshot=\(snapshotID)"],
      output: dumpInput, environment: try TableFingerprint.textEnvironment(environment, session),
      progress: progress)
    dumpInput.close()
    let pack: PackedFile
    do throws(OperationsError) {
      pack = try PackedFile(BackupFolder.dumpName, in: folder, recipients, progress)
    } catch {
      dumpOutput.close()
      _ = dump.failure()
      throw error
    }
    let progress = progress
    // Safe to send: until the worker has been joined, only its thread uses them.
    let ends = TransferBox((dumpOutput, pack, trial))
    let copying = OwnThread { () -> Result<(DumpFingerprint, byteCount: Int64), OperationsError> in
      let (dumpOutput, pack, trial) = ends.value
      defer {
        pack.endInput()
        dumpOutput.close()
      }
      let fingerprint = FingerprintSink()
      let counter = ByteCounter { progress.addDump($0) }
      do throws(OperationsError) {
        let sinks: [(any ByteSink)?] = [pack.input, trial.beginDump(), fingerprint, counter]
        try StreamCopy.copy(from: dumpOutput, to: sinks.compactMap { $0 })
        return .success((fingerprint.fingerprint, counter.byteCount))
      } catch {
        return .failure(error)
      }
    }
    let described = Result { () throws(OperationsError) in
      try describe(&backup, session)
      return try TableFingerprint.rowCounts(session)
    }
    let copied = copying.join()
    // The encrypted file must end before an error is thrown: its programs still run.
    let packed = Result { () throws(OperationsError) in try pack.finish() }
    if let failure = dump.failure() { throw .programFailed(failure) }
    let tables = try described.get()
    let (fingerprint, byteCount) = try copied.get()
    backup.dumpBytes = byteCount
    for (name, rowCount) in tables {
      guard let table = fingerprint.backupTable(name) else { throw .damaged("the dump lacks the table \(name)") }
      guard table.rowCount == rowCount else {
        throw .damaged("the dump holds \(table.rowCount) rows of \(name), the database \(rowCount)")
      }
      backup.tables.append(table)
    }
    (backup.sha256, backup.fileBytes) = try packed.get()
    try session.run("COMMIT;")

    progress.begin("comparing the trial restore")
    trial.endDump()
    let failure = trial.failure(comparedWith: backup)
    if let failure, failure.isDamage { throw .damaged("the dump restores to something else: \(failure.text)") }
    backup.trial = BackupCheck(
      kind: .restore, checkedAt: GoogleProtobufTimestamp(now().wholeSeconds), failure: failure?.text ?? "")
    backup.tools = [
      Program.firstLine([programs.dump, "--version"]), Program.firstLine(["zstd", "--version"]),
      Program.firstLine(["age", "--version"]).map { "age \($0)" },
    ].compactMap { $0 }
    return backup
  }

  /// Adds what the snapshot contains to the backup's description.
  private func describe(_ backup: inout Backup, _ session: PsqlSession) throws(OperationsError) {
    let place = try session.run("SELECT current_schema(), epoch FROM service_state;")
    guard let place = place.first, place.count == 2, let epoch = Int64(place[1]) else {
      throw .database("service_state has no row")
    }
    (backup.schemaName, backup.epoch) = (place[0], epoch)
    backup.schemaVersions = try session.run("SELECT number FROM schema_versions ORDER BY number;")
      .compactMap { $0.first.flatMap { Int32($0) } }
  }
}

/// Carries a value to another thread where the compiler cannot see that one thread at a time uses
/// it.
struct TransferBox<Value>: @unchecked Sendable {
  // Sendable because one thread at a time uses the value; every use gives the reason.
  let value: Value
  init(_ value: Value) { self.value = value }
}
