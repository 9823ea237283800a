internal import GRPCSchema
internal import Glibc
public import Schema
public import StreakStore

extension BackupFolder {
  /// Compares a backup's file with the size and hash it had when it was made, and keeps the outcome beside it.
  public func verify(_ name: String, at now: Moment = .now()) throws(OperationsError) -> BackupCheck {
    let backup = try backup(name)
    let check = BackupCheck(
      kind: .hash, checkedAt: GoogleProtobufTimestamp(seconds: now.seconds), failure: try hashFailure(backup) ?? "")
    // A backup that failed its whole restore since is not made good by its hash.
    if let last = backup.lastCheck, last.kind == .restore, !last.failure.isEmpty, check.failure.isEmpty { return check }
    try note(check, of: name)
    return check
  }

  /// What is wrong with a backup's file; nil if it is as it was written.
  func hashFailure(_ backup: Backup) throws(OperationsError) -> String? {
    let path = dumpPath(backup.name)
    guard Files.exists(path) else { return "\(path) is missing" }
    let file = try Descriptor.open(path, O_RDONLY)
    let hash = ByteHash()
    let counter = ByteCounter { _ in }
    try Pump.copy(from: file, to: [hash, counter])
    guard counter.byteCount == backup.fileBytes else {
      return "\(path) has \(counter.byteCount) bytes instead of \(backup.fileBytes)"
    }
    return hash.finish() == backup.sha256 ? nil : "\(path) has another hash than when it was made"
  }

  /// Restores a backup on trial from its encrypted file, and keeps the outcome beside it. Blocks its thread.
  ///
  /// - Parameters:
  ///   - identity: The path of the file with the private key.
  ///   - scratchFolder: As `BackupSettings.scratchFolder`.
  public func verify(
    _ name: String, identity: String, scratchFolder: String, progress: Progress = Progress(), at now: Moment = .now()
  ) throws(OperationsError) -> BackupCheck {
    signal(SIGPIPE, SIG_IGN)
    let backup = try backup(name)
    let failure: String?
    if let wrong = try hashFailure(backup) {
      failure = wrong
    } else {
      failure = try restoreFailure(backup, identity, scratchFolder, progress)
    }
    let check = BackupCheck(
      kind: .restore, checkedAt: GoogleProtobufTimestamp(seconds: now.seconds), failure: failure ?? "")
    try note(check, of: name)
    return check
  }

  /// - Throws: What says nothing about the backup, such as a wrong key.
  private func restoreFailure(
    _ backup: Backup, _ identity: String, _ scratchFolder: String, _ progress: Progress
  ) throws(OperationsError) -> String? {
    let trial = Trial(in: scratchFolder, majorVersion: Int(backup.postgresVersion), PostgresPrograms())
    defer { trial.end() }
    progress.begin("restoring on trial")
    let file = try UnpackedFile(dumpPath(backup.name), identity: identity)
    let copied = Result { () throws(OperationsError) in
      try Pump.copy(from: file.output, to: [ByteCounter { progress.addDump($0) }, trial])
    }
    // The hash is right, so what cannot be unpacked was encrypted to somebody else. Before psql is asked anything: it may be in the middle of a
    // table's rows, and take the question for one.
    if let unpacking = file.failure() { throw .programFailed("\(backup.name): \(unpacking)") }
    try copied.get()
    progress.begin("comparing")
    let failure = trial.failure(comparedWith: backup)
    if let failure, !failure.isDamage { throw .programFailed("\(backup.name): \(failure.text)") }
    return failure?.text
  }
}
