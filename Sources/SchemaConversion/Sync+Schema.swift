internal import GRPCSchema
public import Schema
public import StreakDomain

extension Epoch {
  public init(_ cursor: Schema.Cursor) {
    self.init(number: cursor.epoch, bits: Int64(bitPattern: cursor.epochBits))
  }
}

extension StreakDomain.Cursor {
  public init(_ message: Schema.Cursor?) {
    self.init(
      epoch: message.map { Epoch($0) } ?? Epoch.none, changeNumber: message?.changeNumber ?? 0, tag: message?.tag ?? [])
  }
}

extension Schema.Cursor {
  public init(_ cursor: StreakDomain.Cursor, resume: [UInt8] = []) {
    self.init(
      epoch: cursor.epoch.number, changeNumber: cursor.changeNumber, resume: resume,
      epochBits: UInt64(bitPattern: cursor.epoch.bits), tag: cursor.tag)
  }
}

extension Schema.StateDigest {
  public init(_ digest: StreakDomain.StateDigest) { self.init(sum: digest.bytes) }
}

extension SyncSubmission {
  /// A request as a server reads it, without habits that have no id.
  ///
  /// - Parameter userID: The account that the request names.
  public init(_ request: SyncRequest, userID: Identifier) {
    self.init(
      userID: userID, cursor: StreakDomain.Cursor(request.cursor), resume: request.cursor?.resume ?? [],
      operations: request.operations.map { StreakDomain.Operation($0) }, queueDrained: request.queueDrained,
      restatedHabits: request.restatedHabits.compactMap { SyncChanges.Habit($0) },
      oldestKeptSeq: request.oldestKeptSeq, acknowledgedSeq: request.acknowledgedSeq,
      digest: StreakDomain.StateDigest(bytes: request.digest))
  }
}

extension SyncRequest {
  /// - Parameter sentAt: The device's clock.
  public init(_ submission: SyncSubmission, pageSize: Int32, sentAt: Instant) {
    let cursor: Schema.Cursor? =
      submission.cursor == .start && submission.resume.isEmpty
      ? nil : Schema.Cursor(submission.cursor, resume: submission.resume)
    self.init(
      userId: submission.userID.bytes, cursor: cursor,
      operations: submission.operations.map { Schema.Operation($0) }, queueDrained: submission.queueDrained,
      pageSize: pageSize, sentAt: GoogleProtobufTimestamp(sentAt),
      restatedHabits: submission.restatedHabits.map { Habit($0) }, oldestKeptSeq: submission.oldestKeptSeq,
      digest: submission.digest?.bytes ?? [], acknowledgedSeq: submission.acknowledgedSeq)
  }
}

extension SyncChanges {
  /// The server's response, without items whose ids or numbers this program does not know. Nil if
  /// it does not know an operation's outcome: the operation can be neither kept as decided nor sent
  /// again.
  public init?(_ response: SyncResponse) {
    self.init(cursor: StreakDomain.Cursor(response.cursor))
    outcomes = response.outcomes.compactMap { StreakDomain.OperationOutcome($0) }
    guard outcomes.count == response.outcomes.count else { return nil }
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
      return IdentifiedNotice(id: id, notice: notice)
    }
    resume = response.cursor?.resume ?? []
    hasMore = response.hasMore
    digest = response.digest.flatMap { StreakDomain.StateDigest(bytes: $0.sum) }
    lastSeq = response.lastSeq
    seen = response.hasMore ? nil : SeenStatements(response.seen)
    latestTime = HybridTime(packed: response.latestTime)
    dayStartMinutes = response.settings?.dayStartMinutes
    zones = response.hasMore ? nil : RecentTimeZones(response.zoneUses)
  }
}

extension SyncResponse {
  public init(_ changes: SyncChanges) {
    self.init(
      outcomes: changes.outcomes.map { OperationOutcome($0) }, reset: changes.isReset,
      habits: changes.habits.map { Habit($0.id, $0.fields) }, deletedHabitIds: changes.deletedHabits.map(\.bytes),
      cells: changes.cells.map { Cell($0) }, notices: changes.notices.map { Schema.Notice($0.id, $0.notice) },
      cursor: Schema.Cursor(changes.cursor, resume: changes.resume), hasMore: changes.hasMore,
      digest: changes.digest.map { Schema.StateDigest($0) }, lastSeq: changes.lastSeq,
      seen: (changes.seen?.last ?? []).map { StatementId($0) }, latestTime: changes.latestTime.packed,
      settings: changes.dayStartMinutes.map { Schema.AccountSettings(dayStartMinutes: $0) },
      habitAliases: changes.aliases.map { HabitAlias(aliasId: $0.key.bytes, habitId: $0.value.bytes) },
      zoneUses: changes.zones?.uses.map { ZoneUse($0) } ?? [])
  }
}

extension RecentTimeZones {
  /// The zones that a server sends, without those that have no time.
  public init(_ messages: [ZoneUse]) {
    self.init(
      uses: messages.lazy.compactMap { message in
        message.lastUsedAt?.instant.map {
          Use(
            utcOffsetSeconds: message.utcOffsetSeconds, dayStartMinutes: message.dayStartMinutes, lastUsedAt: $0)
        }
      })
  }
}

extension ZoneUse {
  public init(_ use: RecentTimeZones.Use) {
    self.init(
      utcOffsetSeconds: use.utcOffsetSeconds, dayStartMinutes: use.dayStartMinutes,
      lastUsedAt: GoogleProtobufTimestamp(use.lastUsedAt))
  }
}
