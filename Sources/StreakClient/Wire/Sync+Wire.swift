internal import Schema
internal import SchemaConversion
internal import StreakDomain

extension SyncRequest {
  /// - Parameter sentAt: The device's clock, in milliseconds since 1970.
  init(_ submission: SyncSubmission, pageSize: Int32, sentAt: Int64) {
    let cursor: Schema.Cursor? =
      submission.cursor == .start && submission.resume.isEmpty
      ? nil : Schema.Cursor(submission.cursor, resume: submission.resume)
    self.init(
      userId: submission.userID.bytes, cursor: cursor,
      operations: submission.operations.map { Schema.Operation($0) }, nothingLeft: submission.nothingLeft,
      pageSize: pageSize, sentAt: .init(milliseconds: sentAt),
      restatedHabits: submission.restatedHabits.map { Habit(restating: $0) },
      oldestKeptSeq: submission.oldestKeptSeq, digest: submission.digest?.bytes ?? [])
  }
}

extension SyncChanges {
  /// The server's response, without ids and numbers that no version of this program has.
  init(_ response: SyncResponse) {
    self.init(cursor: StreakDomain.Cursor(response.cursor))
    outcomes = response.outcomes.map { StreakDomain.OperationOutcome($0) }
    isReset = response.reset
    habits = response.habits.compactMap { habit in
      Identifier(habit.id).map { Habit(id: $0, fields: HabitFields(habit)) }
    }
    deletedHabits = response.deletedHabitIds.compactMap { Identifier($0) }
    for alias in response.habitAliases {
      if let id = Identifier(alias.aliasId), let habitID = Identifier(alias.habitId) { aliases[id] = habitID }
    }
    cells = response.cells.compactMap { Cell($0) }
    notices = response.notices.compactMap { message in
      guard let id = Identifier(message.noticeId), let notice = StreakDomain.Notice(message) else { return nil }
      return Told(id: id, notice: notice)
    }
    resume = response.cursor?.resume ?? []
    hasMore = response.hasMore
    digest = response.digest.flatMap { StreakDomain.StateDigest(bytes: $0.sum) }
    lastSeq = response.lastSeq
    seen = response.hasMore ? nil : SeenStatements(response.seen)
    latestTime = HybridTime(packed: response.latestTime)
    dayStartMinutes = response.settings?.dayStartMinutes
  }
}

extension Habit {
  init(restating habit: SyncChanges.Habit) {
    self.init(habit.id, habit.fields)
    aliasOf = habit.aliasOf?.bytes ?? []
  }
}

extension SyncChanges.Cell {
  init?(_ message: Schema.Cell) {
    guard let habitID = Identifier(message.habitId) else { return nil }
    let reason = UInt8(clamping: message.quarantineReason.rawValue)
    self.init(
      key: CellKey(habitID: habitID, day: Day(message.day)),
      cell: LedgerCell(done: message.done, note: message.note, trust: StreakDomain.CellTrust(number: reason)),
      version: message.version, completions: message.completions.compactMap { StatementID($0) })
  }
}

extension Schema.Cell {
  init(_ cell: SyncChanges.Cell) {
    self.init(
      habitId: cell.key.habitID.bytes, day: cell.key.day.number, done: cell.cell.done, note: cell.cell.note,
      trust: cell.cell.trust == .counted ? .counted : .quarantined,
      quarantineReason: Schema.QuarantineReason(rawValue: Int32(cell.cell.trust.number)), version: cell.version,
      completions: cell.completions.map { StatementId($0) })
  }
}

extension StreakDomain.OperationOutcome {
  init(_ message: Schema.OperationOutcome) {
    let status = Status(rawValue: Int16(clamping: message.status.rawValue)) ?? .applied
    // A rejection with a reason unknown to this version is still reported. So is a completion whose
    // note was not stored.
    let rejection = message.reason.schemaName.flatMap { OperationRejection(rawValue: $0) } ?? .malformed
    self.init(
      seq: message.seq, status: status,
      rejection: status == .rejected || message.reason != .unspecified ? rejection : nil,
      changeNumber: message.changeNumber, trust: nil, noticeID: Identifier(message.noticeId))
  }
}

extension StreakDomain.Notice {
  init?(_ message: Schema.Notice) {
    guard let kind = Kind(rawValue: Int16(clamping: message.kind.rawValue)),
      let habitID = Identifier(message.habitId)
    else { return nil }
    self.init(
      kind: kind, habitID: habitID, day: message.day == 0 ? nil : Day(message.day),
      field: StreakDomain.HabitField(rawValue: Int(message.field.rawValue)), kept: message.kept, other: message.other,
      otherDeviceID: Identifier(message.otherDeviceId), madeAtMilliseconds: message.madeAt?.milliseconds ?? 0,
      version: message.version, isResolved: message.resolved)
  }
}

extension Schema.Notice {
  init(_ id: Identifier, _ notice: StreakDomain.Notice) {
    self.init(
      noticeId: id.bytes, kind: NoticeKind(rawValue: Int32(notice.kind.rawValue)), habitId: notice.habitID.bytes,
      day: notice.day?.number ?? 0, field: Schema.HabitField(rawValue: Int32(notice.field?.rawValue ?? 0)),
      kept: notice.kept, other: notice.other, otherDeviceId: notice.otherDeviceID?.bytes ?? [],
      madeAt: .init(milliseconds: notice.madeAtMilliseconds), version: notice.version, resolved: notice.isResolved)
  }
}
