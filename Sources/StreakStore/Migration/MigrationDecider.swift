public import StreakDomain

/// What a migration is decided on, read under the lock of the person's row.
public struct MigrationState: Sendable {
  /// The migration of this id, if there was one.
  public var stored: MigrationRecord?
  /// The session as the server knows it.
  public var session: SessionRecord?
  /// What brought the session into this account.
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

/// What a migration stores beside the ledger's changes.
public struct MergeRecord: Sendable {
  public var migration: MigrationRecord
  /// SHA-256 of the session's secret, for a session that the server sees for the first time.
  public var sessionSecretHash: [UInt8]
  public var rejected: [RejectedEntryRecord]
  public var auditEvent: AuditEventRecord

  public init(
    migration: MigrationRecord, sessionSecretHash: [UInt8], rejected: [RejectedEntryRecord],
    auditEvent: AuditEventRecord
  ) {
    self.migration = migration
    self.sessionSecretHash = sessionSecretHash
    self.rejected = rejected
    self.auditEvent = auditEvent
  }
}

/// What a migration needs of the account besides its habits.
public struct MigrationNeeds: Sendable {
  public var cells: [CellKey]
  /// Habits of which all cells are needed: they get another id.
  public var wholeHabits: [Identifier]

  public init(cells: [CellKey], wholeHabits: [Identifier] = []) {
    self.cells = cells
    self.wholeHabits = wholeHabits
  }
}

/// Decides a migration step by step, as the store reads what it needs. Used by one task.
public protocol MigrationDecider: AnyObject {
  associatedtype Refused: Error & Sendable

  /// Looks at the account and the session.
  /// - Returns: Nil if the stored reply answers it.
  func begin(_ state: MigrationState) async -> Result<MigrationNeeds?, Refused>
  /// Makes the session part of the ledger.
  func merge(into ledger: inout PersonLedger) async -> Result<Void, Refused>
  /// Looks at what it has become.
  func finish(_ ledger: PersonLedger) async -> Result<MergeRecord, Refused>
}

/// What a migration came to.
public enum MigrateOutcome<Refused: Error & Sendable>: Sendable {
  /// It is done, and durable.
  case migrated
  /// It would be done so; nothing was stored.
  case previewed
  /// It had been done before.
  case replayed(MigrationRecord)
  case refused(Refused)
  /// Too many of them: for how many more microseconds each count refuses.
  case limited([Int64])
}
