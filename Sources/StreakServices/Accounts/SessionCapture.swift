internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import StreakDomain
internal import StreakStore

/// A captured session that has been checked as a whole, and what becomes of it in a new account.
struct SessionCapture {
  /// The session as the server knows it; nil if it does not.
  let known: SessionRecord?
  /// The zones of the capture, as StreakDomain writes them.
  let zoneUses: [UInt8]

  private let claim: SessionClaim
  private let sessionID: Identifier
  private let migrationID: Identifier
  private let secretHash: [UInt8]
  private let captured: StreakDomain.CapturedSession
  private let habits: [HabitRecord]
  private let plan: MigrationPlan
  private let rejectedIDs: [Identifier]

  /// - Throws: Refusals of fields, `PARTIAL_CAPTURE` and `CAPTURE_CORRUPT`.
  init(_ claim: SessionClaim, known: SessionRecord?, secretHash: [UInt8], at now: Moment) throws(RPCStatus) {
    guard let message = claim.captured else { throw Refusal.invalidField("session.captured", "is required") }
    captured = try StreakDomain.CapturedSession(message, path: "session.captured")
    if let field = captured.invalidField {
      throw Refusal.invalidField("session.captured." + field, "cannot be")
    }
    switch captured.fault(sha256: SHA256.digest(of:)) {
    case nil: break
    case .partialCapture: throw Refusal.partialCapture.status
    case .captureCorrupt: throw Refusal.captureCorrupt.status
    }
    self.claim = claim
    self.known = known
    self.secretHash = secretHash
    sessionID = try Identifier(field: claim.sessionId, path: "session.session_id")
    migrationID = try Identifier(field: claim.migrationId, path: "session.migration_id")
    var habits: [HabitRecord] = []
    var habitIDs: Set<Identifier> = []
    for (index, captured) in message.habits.enumerated() {
      let path = "session.captured.habits[\(index)].habit"
      var record = try HabitRecord(captured.habit ?? Habit(), path: path, at: now)
      record.version = StreakStore.firstChangeNumber
      guard habitIDs.insert(record.habitID).inserted else {
        throw Refusal.invalidField(path + ".id", "must stand in the capture once")
      }
      habits.append(record)
    }
    self.habits = habits
    plan = MigrationPlan(captured, anchorMilliseconds: known?.anchor?.milliseconds, now: now.milliseconds)
    rejectedIDs = plan.rejected.map { _ in Identifier.random() }
    var uses = ZoneUses()
    uses.note(captured.capturedAt, now: now.milliseconds)
    zoneUses = uses.encoded
  }

  /// When the server saw the session begin; nil if it did not.
  var anchor: Moment? { known?.anchor }
  var habitCount: Int { habits.count }

  /// What is stored.
  func stored(from deviceID: Identifier, at now: Moment) throws(RPCStatus) -> NewMigration {
    let cells = zip(habits, plan.habits).flatMap { habit, planned in
      planned.cells.map { cell in
        CellRecord(
          habitID: habit.habitID, day: cell.day.number, done: cell.state.done, note: cell.state.note,
          quarantineReason: cell.state.done ? Int32(cell.state.trust.number) : 0,
          version: StreakStore.firstChangeNumber, made: LocalTimeRecord(cell.made), recordedAt: now,
          deviceID: deviceID, migrationID: migrationID)
      }
    }
    var rejected: [RejectedEntryRecord] = []
    for (rejection, entryID) in zip(plan.rejected, rejectedIDs) {
      let entry = captured.entries[rejection.index]
      rejected.append(
        RejectedEntryRecord(
          entryID: entryID, migrationID: migrationID, index: Int32(clamping: rejection.index),
          habitID: try Identifier(field: entry.habitID, path: "habit_id"), day: entry.day.number, done: entry.done,
          note: entry.note, made: LocalTimeRecord(entry.made), reason: rejection.reason.schemaReason.rawValue,
          rejectedAt: now))
    }
    return NewMigration(
      migration: MigrationRecord(
        migrationID: migrationID, sessionID: sessionID, anchor: anchor, manifestHash: captured.manifest.sha256,
        result: result(at: now).protobufBytes(), committedAt: now),
      sessionSecretHash: secretHash, habits: zip(habits, plan.habits).map { ($0, $1.summary) },
      cells: cells, rejected: rejected)
  }

  /// What is answered.
  func result(at now: Moment) -> MigrationResult {
    let migrated = zip(habits, plan.habits).map { habit, planned in
      let done = planned.cells.filter(\.state.done)
      let countedCount = done.count { $0.state.trust == .counted }
      return MigratedHabit(
        capturedHabitId: habit.habitID.bytes, habitId: habit.habitID.bytes,
        streak: Schema.Streak(
          habitID: habit.habitID, planned.summary, zones: ZoneUses(encoded: zoneUses), archived: habit.archived, at: now
        ),
        claimMismatch: planned.claimMismatch, daysCounted: Int32(clamping: countedCount),
        daysQuarantined: Int32(clamping: done.count - countedCount),
        daysUndone: Int32(clamping: planned.cells.count - done.count))
    }
    let rejected = zip(plan.rejected, rejectedIDs).map { rejection, entryID in
      let entry = captured.entries[rejection.index]
      return RejectedEntry(
        entryId: entryID.bytes, index: Int32(clamping: rejection.index), habitId: entry.habitID, day: entry.day.number,
        reason: rejection.reason.schemaReason)
    }
    return MigrationResult(
      migrationId: migrationID.bytes, sessionId: sessionID.bytes, unanchored: anchor == nil,
      claimMismatch: plan.claimMismatch, habits: migrated, quarantined: quarantined, rejected: rejected,
      capturedDay: plan.capturedDay.number, committedAt: GoogleProtobufTimestamp(now))
  }

  /// Every quarantined day, by habit and reason.
  private var quarantined: [QuarantinedDays] {
    zip(habits, plan.habits).flatMap { habit, planned in
      StreakDomain.QuarantineReason.allCases.compactMap { reason in
        let days = planned.cells.filter { $0.state.done && $0.state.trust == .quarantined(reason) }
        guard !days.isEmpty else { return nil }
        return QuarantinedDays(
          habitId: habit.habitID.bytes,
          reason: Schema.QuarantineReason(rawValue: Int32(StreakDomain.CellTrust.quarantined(reason).number)),
          days: days.map(\.day.number).sorted())
      }
    }
  }
}
