internal import GRPCSchema
internal import Glibc
package import Schema
internal import SchemaConversion
package import struct StreakDomain.Instant
internal import StreakStore

extension BackupFolder {
  /// Compares a backup's file with its size and hash in the manifest, and stores the result beside
  /// it.
  ///
  /// - Parameter signers: One of these must have signed it; nil: the signature is not checked.
  package func verify(
    _ name: String, signers: BackupSigners? = nil, progress: Progress = Progress(), at now: Instant = .now()
  ) throws(OperationsError) -> BackupCheck {
    let backup = try backup(name, signedBy: signers)
    let check = BackupCheck(
      kind: .hash, checkedAt: GoogleProtobufTimestamp(now.wholeSeconds),
      failure: try hashFailure(backup, progress) ?? "")
    // A correct hash does not outweigh a later full restore that failed.
    if let last = backup.lastCheck, last.kind == .restore, !last.failure.isEmpty, check.failure.isEmpty { return check }
    try note(check, of: name)
    return check
  }

  /// How a backup's file differs from its manifest; nil if it does not.
  ///
  /// - Parameter progress: Ends the reading when the run is cancelled.
  func hashFailure(_ backup: Backup, _ progress: Progress = Progress()) throws(OperationsError) -> String? {
    let path = "\(path)/\(backup.name)/\(Self.dumpName)"
    let file: Descriptor
    do throws(OperationsError) { file = try dump(of: backup.name) } catch .damaged(let text) { return text }
    let hash = ByteHash()
    let counter = ByteCounter { _ in }
    try StreamCopy.copy(from: file, to: [hash, counter, CancellationSink(progress)])
    guard counter.byteCount == backup.fileBytes else {
      return "\(path) has \(counter.byteCount) bytes instead of \(backup.fileBytes)"
    }
    return hash.finish() == backup.sha256 ? nil : "\(path) has another hash than when it was made"
  }

  /// Restores a backup's encrypted file as a test, and stores the result beside it. Blocks its
  /// thread.
  ///
  /// - Parameters:
  ///   - identity: The path of the file with the private key.
  ///   - signers: One of these must have signed the backup: no other backup is run.
  ///   - scratchFolder: As `BackupSettings.scratchFolder`.
  package func verify(
    _ name: String, identity: String, signers: BackupSigners, scratchFolder: String, progress: Progress = Progress(),
    at now: Instant = .now()
  ) throws(OperationsError) -> BackupCheck {
    signal(SIGPIPE, SIG_IGN)
    let backup = try backup(name, signedBy: signers)
    let failure: String?
    if let wrong = try hashFailure(backup, progress) {
      failure = wrong
    } else {
      failure = try restoreFailure(backup, identity, scratchFolder, progress)
    }
    let check = BackupCheck(
      kind: .restore, checkedAt: GoogleProtobufTimestamp(now.wholeSeconds), failure: failure ?? "")
    try note(check, of: name)
    return check
  }

  /// - Throws: Errors that prove nothing about the backup, such as a wrong key.
  private func restoreFailure(
    _ backup: Backup, _ identity: String, _ scratchFolder: String, _ progress: Progress
  ) throws(OperationsError) -> String? {
    let programs = try PostgresPrograms()
    try programs.requireRestrictedMode()
    let trial = TrialRestore(in: scratchFolder, majorVersion: Int(backup.postgresVersion), programs)
    defer { trial.end() }
    progress.begin("restoring on trial")
    let file = try UnpackedFile(try dump(of: backup.name), identity: identity)
    var script = DumpScript()
    let copied = Result { () throws(OperationsError) in
      try trial.runRestricted { () throws(OperationsError) in
        try script.copy(from: file, of: backup, to: trial, progress)
      }
    }
    switch copied {
    case .failure(.damaged(let text)): return text
    case .failure(let error): throw error
    case .success: break
    }
    progress.begin("comparing")
    let failure = trial.failure(comparedWith: backup)
    if let failure, !failure.isDamage { throw .programFailed("\(backup.name): \(failure.text)") }
    return failure?.text
  }
}
