package import StreakDomain

/// The state of a recovery. The raw value is the number of the schema's `RecoveryState`.
package enum RecoveryStage: Int16, Sendable {
  case requested = 1
  case ready = 2
  case merged = 3
  case cancelled = 4
  case failed = 5
}

/// A recovery of one account from a backup.
package struct RecoveryRecord: Sendable, Equatable {
  package var recoveryID: Identifier
  package var userID: Identifier
  /// The backup's name and moment.
  package var backup: String
  package var backupAt: Instant
  package var requestedAt: Instant
  package var stage: RecoveryStage
  /// Why it failed.
  package var failure: String

  package init(
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
package struct RecoveryPlan: Sendable {
  /// Habits of the backup, in its order.
  package let habits: [RestoredHabit]
  /// The account's ledger afterwards.
  package let ledger: PersonLedger
  /// A hash of the account's state and the backup's records.
  package let hash: [UInt8]
  /// The number of the change; 0 if there is nothing to change.
  package let changeNumber: Int64
}

/// The outcome of an attempt to recover.
package enum RecoverOutcome<Refused: Error & Sendable>: Sendable {
  /// Done, and durable, or previewed. The reply.
  case done([UInt8])
  /// Done before. The reply.
  case replayed([UInt8])
  case notFound
  case notReady
  case habitLimit
  case refused(Refused)
}
