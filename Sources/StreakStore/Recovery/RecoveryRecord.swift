public import StreakDomain

/// The state of a recovery. The raw value is the number of the schema's `RecoveryState`.
public enum RecoveryStage: Int16, Sendable, CaseIterable {
  case requested = 1
  case ready = 2
  case merged = 3
  case cancelled = 4
  case failed = 5
}

/// A recovery of one account from a backup.
public struct RecoveryRecord: Sendable, Equatable {
  public var recoveryID: Identifier
  public var userID: Identifier
  /// The backup's name and moment.
  public var backup: String
  public var backupAt: Instant
  public var requestedAt: Instant
  public var stage: RecoveryStage
  /// Why it failed.
  public var failure: String

  public init(
    recoveryID: Identifier, userID: Identifier, backup: String, backupAt: Instant, requestedAt: Instant,
    stage: RecoveryStage = .requested, failure: String = ""
  ) {
    self.recoveryID = recoveryID
    self.userID = userID
    self.backup = backup
    self.backupAt = backupAt
    self.requestedAt = requestedAt
    self.stage = stage
    self.failure = failure
  }
}

/// The changes of a recovery.
public struct RecoveryPlan: Sendable {
  /// Habits of the backup, in its order.
  public let habits: [RestoredHabit]
  /// The account's ledger afterwards.
  public let ledger: PersonLedger
  /// A hash of the account's state and the backup's records.
  public let hash: [UInt8]
  /// The number of the change; 0 if there is nothing to change.
  public let changeNumber: Int64
}

/// The outcome of an attempt to recover.
public enum RecoverOutcome<Refused: Error & Sendable>: Sendable {
  /// Done, and durable, or previewed. The reply.
  case done([UInt8])
  /// Done before. The reply.
  case replayed([UInt8])
  case notFound
  case notReady
  case habitLimit
  case refused(Refused)
}
