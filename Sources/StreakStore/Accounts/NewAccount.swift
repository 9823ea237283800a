public import StreakDomain

/// All that a sign-up stores, in one transaction.
public struct NewAccount: Sendable {
  public var userID: Identifier
  /// As the person wrote it.
  public var email: String
  /// By which two emails are the same.
  public var emailKey: String
  /// The Argon2id hash, as text.
  public var passwordHash: String
  public var createdAt: Moment
  public var zoneUses: [UInt8]
  /// The reply, sealed under the request's own secrets.
  public var sealedReply: [UInt8]
  public var device: DeviceRecord
  public var credential: CredentialRecord
  /// The session that becomes part of the account.
  public var session: NewMigration?
  public var auditEvent: AuditEventRecord

  public init(
    userID: Identifier, email: String, emailKey: String, passwordHash: String, createdAt: Moment, zoneUses: [UInt8],
    sealedReply: [UInt8], device: DeviceRecord, credential: CredentialRecord, session: NewMigration?,
    auditEvent: AuditEventRecord
  ) {
    self.userID = userID
    self.email = email
    self.emailKey = emailKey
    self.passwordHash = passwordHash
    self.createdAt = createdAt
    self.zoneUses = zoneUses
    self.sealedReply = sealedReply
    self.device = device
    self.credential = credential
    self.session = session
    self.auditEvent = auditEvent
  }
}

/// A session on its way into an account: what is stored of it.
public struct NewMigration: Sendable {
  public var migration: MigrationRecord
  /// SHA-256 of the session's secret, for a session that the server sees for the first time.
  public var sessionSecretHash: [UInt8]
  /// Habits with what their counted days add up to.
  public var habits: [(habit: HabitRecord, summary: StreakSummary)]
  /// At most one cell per habit and day.
  public var cells: [CellRecord]
  public var rejected: [RejectedEntryRecord]

  public init(
    migration: MigrationRecord, sessionSecretHash: [UInt8], habits: [(habit: HabitRecord, summary: StreakSummary)],
    cells: [CellRecord], rejected: [RejectedEntryRecord]
  ) {
    self.migration = migration
    self.sessionSecretHash = sessionSecretHash
    self.habits = habits
    self.cells = cells
    self.rejected = rejected
  }
}

extension NewMigration {
  /// The digests of each habit's cells, in the order of the habits, and of all of it.
  func digests() -> (cells: [StateDigest], total: StateDigest) {
    var byHabit: [Identifier: StateDigest] = [:]
    for cell in cells {
      let state = LedgerCell(
        done: cell.done, note: cell.note, trust: CellTrust(number: UInt8(clamping: cell.quarantineReason)))
      byHabit[cell.habitID, default: .empty] += CellState.itemDigest(
        CellKey(habitID: cell.habitID, day: Day(cell.day)), state)
    }
    let ofCells = habits.map { byHabit[$0.habit.habitID] ?? .empty }
    var total = StateDigest.empty
    for (habit, digest) in zip(habits.map(\.habit), ofCells) {
      total += HabitState.itemDigest(
        habitID: habit.habitID,
        HabitFields(
          name: habit.name, description: habit.description, color: UInt32(bitPattern: habit.color),
          position: habit.position, archived: habit.archived))
      total += digest
    }
    return (ofCells, total)
  }
}

/// What a sign-up came to.
public enum SignUpOutcome: Sendable, Equatable {
  /// The account exists with all its data.
  case signedUp
  /// The email is an account's; nothing was stored.
  case emailTaken
  /// The session was claimed, or is not as it was when the call decided; nothing was stored.
  case sessionChanged
}
