internal import RPC
package import Schema
internal import enum StreakDomain.Reason

/// The operations that the program does for operators: the program has the backups, the service
/// does not.
package struct OperatorBackend: Sendable {
  /// Why the program does not do an operation.
  package enum Failure: Error, Equatable {
    case backupsOff
    case backupUnderWay
    case noSuchBackup
    /// The text is for operators.
    case failed(String)
  }

  let backups: @Sendable () async -> Result<[Backup], Failure>
  let progress: @Sendable () -> BackupProgress
  let run: @Sendable () async -> Result<Backup, Failure>
  let verify: @Sendable (_ name: String) async -> Result<BackupCheck, Failure>
  let unreadiness: @Sendable () -> String?
  let makesBackups: Bool

  package init(
    makesBackups: Bool, backups: @escaping @Sendable () async -> Result<[Backup], Failure>,
    progress: @escaping @Sendable () -> BackupProgress, run: @escaping @Sendable () async -> Result<Backup, Failure>,
    verify: @escaping @Sendable (_ name: String) async -> Result<BackupCheck, Failure>,
    unreadiness: @escaping @Sendable () -> String?
  ) {
    self.makesBackups = makesBackups
    self.backups = backups
    self.progress = progress
    self.run = run
    self.verify = verify
    self.unreadiness = unreadiness
  }
}

extension OperatorBackend.Failure {
  /// The status for a caller that is not an operator.
  var statusForPeople: RPCStatus {
    switch self {
    case .backupsOff: Reason.backupsOff.status
    default: Reason.storageUnavailable.status
    }
  }

  var status: RPCStatus {
    switch self {
    case .backupsOff: Reason.backupsOff.status
    case .backupUnderWay: Reason.backupUnderWay.status
    case .noSuchBackup: Reason.backupNotFound.status
    // Only operators reach this status, and they need the reason.
    case .failed(let reason): Reason.backupFailed.status(saying: reason)
    }
  }
}
