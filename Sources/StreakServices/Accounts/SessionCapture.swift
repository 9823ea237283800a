internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import StreakStore

/// A captured session that has been checked as a whole, and what becomes of it in a new account.
struct SessionCapture {
  /// How far the device's clock may be off, in seconds, for its captured day to be believed.
  static let clockSkewSecondsMax: Int64 = 48 * 3600

  let known: SessionRecord?
  private let sessionID: Identifier
  private let migrationID: Identifier
  private let secretHash: [UInt8]
  private let manifestHash: [UInt8]
  private let capturedDay: Int32
  private let habits: [(habit: HabitRecord, claim: StreakClaim?)]
  private let entries: [(habitID: Identifier, entry: CapturedEntry, made: LocalTimeRecord)]
  private let plan: MigrationPlan<Identifier>
  /// The zones of the capture, as StreakDomain writes them.
  let zoneUses: [UInt8]
  private let rejectedIDs: [Identifier]

  /// - Throws: Refusals of fields, `PARTIAL_CAPTURE` and `CAPTURE_CORRUPT`.
  init(_ claim: SessionClaim, known: SessionRecord?, secretHash: [UInt8], at now: Moment) throws(RPCStatus) {
    guard let captured = claim.captured else { throw Refusal.invalidField("session.captured", "is required") }
    try CaptureDigest.check(captured)
    self.known = known
    self.secretHash = secretHash
    sessionID = try Identifier(field: claim.sessionId, path: "session.session_id")
    migrationID = try Identifier(field: claim.migrationId, path: "session.migration_id")
    manifestHash = captured.manifest?.sha256 ?? []
    let capturedAt = try LocalTimeRecord(captured.capturedAt, path: "session.captured.captured_at")
    let skewSeconds = capturedAt.occurredAt.seconds - now.seconds
    capturedDay = abs(skewSeconds) <= Self.clockSkewSecondsMax ? capturedAt.day : capturedAt.day(at: now)

    var habits: [(habit: HabitRecord, claim: StreakClaim?)] = []
    var habitIDs: Set<Identifier> = []
    for (index, captured) in captured.habits.enumerated() {
      let path = "session.captured.habits[\(index)]"
      guard let habit = captured.habit else { throw Refusal.invalidField(path + ".habit", "is required") }
      var record = try HabitRecord(habit, path: path + ".habit", at: now)
      record.version = StreakStore.firstChangeNumber
      guard habitIDs.insert(record.habitID).inserted else {
        throw Refusal.invalidField(path + ".habit.id", "must stand in the capture once")
      }
      habits.append((record, captured.claim))
    }
    self.habits = habits
    var entries: [(habitID: Identifier, entry: CapturedEntry, made: LocalTimeRecord)] = []
    var uses = ZoneUses()
    for (index, entry) in captured.entries.enumerated() {
      let path = "session.captured.entries[\(index)]"
      let made = try LocalTimeRecord(entry.made, path: path + ".made")
      entries.append((try Identifier(field: entry.habitId, path: path + ".habit_id"), entry, made))
    }
    self.entries = entries
    for made in entries.map(\.made) + [capturedAt] where made.occurredAt <= now {
      uses.note(
        utcOffsetSeconds: made.utcOffsetSeconds, dayStartMinutes: made.dayStartMinutes,
        usedAtSeconds: made.occurredAt.seconds, nowSeconds: now.seconds)
    }
    zoneUses = uses.bytes
    plan = MigrationPlan(
      entries: entries.map {
        .init(
          habitID: $0.habitID, day: $0.entry.day, done: $0.entry.done, note: $0.entry.note,
          occurredAtSeconds: $0.made.occurredAt.seconds, utcOffsetSeconds: $0.made.utcOffsetSeconds,
          dayStartMinutes: $0.made.dayStartMinutes)
      }, habits: habitIDs, capturedDay: capturedDay, anchorSeconds: known?.anchor?.seconds, nowSeconds: now.seconds)
    rejectedIDs = plan.rejected.map { _ in Identifier.random() }
  }

  /// When the server saw the session begin; nil if it did not.
  var anchor: Moment? { known?.anchor }
  var habitCount: Int { habits.count }

  /// What is stored.
  func stored(from deviceID: Identifier, at now: Moment) -> NewMigration {
    let cells = plan.cells.map { cell in
      let (habitID, entry, made) = entries[cell.entryIndex]
      return CellRecord(
        habitID: habitID, day: entry.day, done: entry.done, note: cell.note,
        quarantineReason: cell.quarantine?.rawValue ?? 0, version: StreakStore.firstChangeNumber, made: made,
        recordedAt: now, deviceID: deviceID, migrationID: migrationID)
    }
    let rejected = zip(plan.rejected, rejectedIDs).map { rejection, entryID in
      let (habitID, entry, made) = entries[rejection.entryIndex]
      return RejectedEntryRecord(
        entryID: entryID, migrationID: migrationID, index: Int32(rejection.entryIndex), habitID: habitID,
        day: entry.day, done: entry.done, note: entry.note, made: made,
        reason: rejection.reason.schemaReason.rawValue, rejectedAt: now)
    }
    let summaries = summaries
    return NewMigration(
      migration: MigrationRecord(
        migrationID: migrationID, sessionID: sessionID, anchor: anchor, manifestHash: manifestHash,
        result: result(at: now).protobufBytes(), committedAt: now),
      sessionSecretHash: secretHash, habits: habits.map { ($0.habit, summaries[$0.habit.habitID] ?? .empty) },
      cells: cells, rejected: rejected)
  }

  /// What is answered.
  func result(at now: Moment) -> MigrationResult {
    let summaries = summaries
    let byHabit = Dictionary(grouping: plan.cells) { entries[$0.entryIndex].habitID }
    let migrated = habits.map { habit, claim in
      let cells = byHabit[habit.habitID] ?? []
      let streak = Streak(
        habitID: habit.habitID, summaries[habit.habitID] ?? .empty, zoneUses: zoneUses, archived: habit.archived,
        at: now)
      let done = cells.filter { entries[$0.entryIndex].entry.done }
      let quarantinedCount = done.count { $0.quarantine != nil }
      return MigratedHabit(
        capturedHabitId: habit.habitID.bytes, habitId: habit.habitID.bytes, streak: streak,
        claimMismatch: claim.map {
          $0.currentStreak != streak.current || $0.lastCompletedDay != streak.lastDay
        } ?? false,
        daysCounted: Int32(done.count - quarantinedCount), daysQuarantined: Int32(quarantinedCount),
        daysUndone: Int32(cells.count - done.count))
    }
    return MigrationResult(
      migrationId: migrationID.bytes, sessionId: sessionID.bytes, unanchored: anchor == nil,
      claimMismatch: migrated.contains { $0.claimMismatch }, habits: migrated,
      quarantined: habits.flatMap { quarantinedDays($0.habit.habitID, byHabit[$0.habit.habitID] ?? []) },
      rejected: zip(plan.rejected, rejectedIDs).map { rejection, entryID in
        RejectedEntry(
          entryId: entryID.bytes, index: Int32(rejection.entryIndex),
          habitId: entries[rejection.entryIndex].habitID.bytes, day: entries[rejection.entryIndex].entry.day,
          reason: rejection.reason.schemaReason)
      }, capturedDay: capturedDay, committedAt: GoogleProtobufTimestamp(now))
  }

  private func quarantinedDays(_ habitID: Identifier, _ cells: [MigrationPlan<Identifier>.Cell]) -> [QuarantinedDays] {
    [Quarantine.overLimit, .anchor].compactMap { reason in
      let days = cells.filter { $0.quarantine == reason }.map { entries[$0.entryIndex].entry.day }.sorted()
      guard !days.isEmpty else { return nil }
      return QuarantinedDays(
        habitId: habitID.bytes, reason: QuarantineReason(rawValue: reason.rawValue), days: days)
    }
  }

  private var summaries: [Identifier: SummaryRecord] {
    let counted = plan.cells.filter { $0.quarantine == nil && entries[$0.entryIndex].entry.done }
    return Dictionary(grouping: counted) { entries[$0.entryIndex].habitID }.mapValues { cells in
      SummaryRecord(ascendingDays: cells.map { entries[$0.entryIndex].entry.day }.sorted())
    }
  }
}

extension MigrationPlan.Rejection {
  /// The reason as the schema names it.
  var schemaReason: ErrorReason {
    switch self {
    case .futureDay: .futureDay
    case .dayMismatch: .dayMismatch
    case .unknownHabit: .habitNotFound
    }
  }
}
