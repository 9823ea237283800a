public import StreakDomain

/// The data for a migration's decision, read under the lock of the user's row.
public struct MigrationState: Sendable {
  /// The earlier migration with this id, if any.
  public var stored: MigrationRecord?
  /// The server's row of the session.
  public var session: SessionRecord?
  /// Earlier migrations of the session into this account.
  public var earlier: [MigrationRecord]
  /// All habits of the account, deleted ones too.
  public var habits: [Identifier: HabitState]
  /// The number of the account's last change.
  public var changeNumber: Int64

  public init(
    stored: MigrationRecord? = nil, session: SessionRecord?, earlier: [MigrationRecord] = [],
    habits: [Identifier: HabitState] = [:], changeNumber: Int64 = 0
  ) {
    self.stored = stored
    self.session = session
    self.earlier = earlier
    self.habits = habits
    self.changeNumber = changeNumber
  }
}

/// The data that a migration stores beside the ledger's changes.
public struct MergeRecord: Sendable {
  public var migration: MigrationRecord
  /// SHA-256 of the session's secret, for a session that the server did not know.
  public var sessionSecretHash: [UInt8]
  public var rejected: [RejectedEntry]
  public var auditEvent: AuditEventRecord

  public init(
    migration: MigrationRecord, sessionSecretHash: [UInt8], rejected: [RejectedEntry],
    auditEvent: AuditEventRecord
  ) {
    self.migration = migration
    self.sessionSecretHash = sessionSecretHash
    self.rejected = rejected
    self.auditEvent = auditEvent
  }
}

/// The account's data that a migration needs besides its habits.
public struct MigrationNeeds: Sendable {
  public var cells: [CellKey]
  /// Habits whose cells are all needed, because they get another id.
  public var wholeHabits: [Identifier]

  public init(cells: [CellKey], wholeHabits: [Identifier] = []) {
    self.cells = cells
    self.wholeHabits = wholeHabits
  }
}

/// Decides a migration step by step, while the store reads the needed data. Used by one task.
public protocol MigrationDecider: AnyObject {
  associatedtype Refused: Error & Sendable

  /// Checks the account and the session.
  /// - Returns: Nil if the stored reply answers it.
  func begin(_ state: MigrationState) async -> Result<MigrationNeeds?, Refused>
  /// Makes the session part of the ledger.
  func merge(into ledger: inout PersonLedger) async -> Result<Void, Refused>
  /// Checks the result.
  func finish(_ ledger: PersonLedger) async -> Result<MergeRecord, Refused>
}

/// The outcome of a migration.
public enum MigrateOutcome<Refused: Error & Sendable>: Sendable {
  /// Done, and durable.
  case migrated
  /// Previewed; nothing was stored.
  case previewed
  /// It had been done before.
  case replayed(MigrationRecord)
  case refused(Refused)
  /// Too many migrations: the microseconds for which each count still refuses.
  case limited([Int64])
}
