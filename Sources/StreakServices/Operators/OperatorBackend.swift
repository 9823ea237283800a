internal import RPC
public import Schema
internal import enum StreakDomain.Reason

/// What the program does for operators who ask: it has the backups, the service does not.
public struct OperatorBackend: Sendable {
  /// Why it does not.
  public enum Failure: Error, Equatable {
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

  public init(
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
  /// What somebody is told who is no operator.
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
    // Only operators get this far, and they need the reason.
    case .failed(let reason): Reason.backupFailed.status(saying: reason)
    }
  }
}

/// The operator's token, as its hash.
public struct OperatorToken: Sendable {
  let hash: [UInt8]

  /// Nil if the text is shorter than a token that nobody guesses: 32 bytes.
  public init?(_ text: String) {
    guard text.utf8.count >= 32 else { return nil }
    hash = Self.hash(text[...])
  }
}
