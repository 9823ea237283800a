internal import ProtobufCodec
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// Moves data from the anonymous session into an account, and back.
extension ClientState {
  // MARK: Into an account

  /// Ends a session that has become part of an account: entries recorded since it was sent become
  /// operations.
  /// - Parameter isSecondDevice: It was sent as another device's part of a session that was already
  ///   in the account.
  mutating func moveSession(
    sentAs claim: SessionClaim, isSecondDevice: Bool = false, _ result: MigrationResult?, into userID: Identifier,
    now: Instant
  ) {
    guard let session, session.sessionID.bytes == claim.sessionId else { return }
    let sent = SentSession(claim)
    _ = changeAccount(userID) { account in
      let names = Self.names(sent, result, account.replica.shownHabits)
      let migrationIDs = Set([claim.migrationId, result?.migrationId ?? []].compactMap { Identifier($0) })
      for id in migrationIDs.sorted() { account.replica.noteSeen(StatementID(.migration, id)) }
      if let migrationID = Identifier(claim.migrationId) {
        account.migratedSessions[migrationID] = MigratedSession(
          claim: claim.protobufBytes(), isSecondDevice: isSecondDevice, habitMap: names.filter { $0.key != $0.value },
          migratedAt: now, afterSeq: account.replica.lastSeq)
      }
      account.zones = session.zones
      let changes =
        session.habitChanges(since: sent, names)
        + session.dayChanges(since: sent, names, migrations: migrationIDs.sorted())
        + sent.habits.keys.sorted().filter { session.habits[$0] == nil }.map { .deleteHabit(names[$0] ?? $0) }
      for change in changes { account.replica.make(change, at: now) }
    }
    dropSession()
    for (lostID, lost) in accounts where lost.standing == .unknownToServer {
      _ = changeAccount(userID) { $0.replica.takeRejected(from: lost.replica) }
      dropAccount(lostID)
    }
  }

  /// The account's habit for each habit of the session. Habits that the server does not map are
  /// matched by their names.
  private static func names(
    _ sent: SentSession, _ result: MigrationResult?, _ account: [Identifier: HabitFields]
  ) -> [Identifier: Identifier] {
    var names: [Identifier: Identifier] = [:]
    for habit in result?.habits ?? [] {
      if let captured = Identifier(habit.capturedHabitId) { names[captured] = Identifier(habit.habitId) }
    }
    for (id, fields) in sent.habits where names[id] == nil && account[id] == nil {
      let name = HabitName.normalised(fields.name)
      names[id] = account.filter { HabitName.normalised($0.value.name) == name }.keys.min()
    }
    return names
  }

  // MARK: Out of an account

  /// The server does not know an account: its visible data becomes part of the anonymous session,
  /// and counts once that is signed up. The account's own data stays until then.
  ///
  /// - Parameter clientTime: The local time that stands for a day.
  /// - Returns: Whether the account was not in this state before.
  mutating func moveIntoSession(
    _ userID: Identifier, now: Instant, clientTime: (Day, Int32) -> ClientTime
  ) -> Bool {
    guard let account = accounts[userID], account.standing != .unknownToServer else { return false }
    let dayStart = account.replica.shownDayStartMinutes
    let (habits, entries) = account.everythingShown { clientTime($0, dayStart) }
    let beganAt = entries.values.map(\.clientTime.occurredAt).min() ?? now
    addToSession(habits: habits, entries: entries, zones: account.zones, beganAt: min(beganAt, now))
    if current == userID { current = nil }
    if pendingMigration?.userID == userID { pendingMigration = nil }
    ownDayStartMinutes = dayStart
    _ = changeAccount(userID) { account in
      account.credentials = nil
      account.standing = .unknownToServer
    }
    return true
  }

  /// Adds missing days, and days that were stated later than those present.
  ///
  /// The session's begin moves to the first of these days. The server recorded another begin, or
  /// none: so the session gets a new id.
  private mutating func addToSession(
    habits: [Identifier: HabitFields], entries: [CellKey: AnonymousSession.Entry], zones: RecentTimeZones,
    beganAt: Instant
  ) {
    changeSession(now: beganAt) { session in
      if session.habits.isEmpty { session.zones = zones }
      session.begunAt = min(session.begunAt, beganAt)
      session.takeNewName()
    }
    for (id, fields) in habits { changeSession(now: beganAt, habit: id) { $0.habits[id] = fields } }
    for (key, entry) in entries {
      changeSession(now: beganAt, cell: key) { session in
        let known = session.entries[key]?.clientTime.occurredAt
        if known.map({ $0 < entry.clientTime.occurredAt }) ?? true { session.entries[key] = entry }
      }
    }
  }
}

extension ClientAccount {
  /// The account's visible data, with the migrated sessions that no pull has contained yet.
  /// - Parameter clientTime: The local time that stands for a day.
  fileprivate func everythingShown(
    clientTime: (Day) -> ClientTime
  ) -> (habits: [Identifier: HabitFields], entries: [CellKey: AnonymousSession.Entry]) {
    var habits: [Identifier: HabitFields] = [:]
    var entries: [CellKey: AnonymousSession.Entry] = [:]
    let waiting = migratedSessions.values.filter { !$0.isReceived }.sorted {
      $0.migratedAt < $1.migratedAt
    }
    for migrated in waiting {
      guard let claim = try? SessionClaim(protobufBytes: migrated.claim) else { continue }
      let sent = SentSession(claim)
      for (id, fields) in sent.habits { habits[migrated.habitMap[id] ?? id] = fields }
      for (key, day) in sent.days {
        let key = CellKey(habitID: migrated.habitMap[key.habitID] ?? key.habitID, day: key.day)
        entries[key] = .init(done: day.done, note: day.note, clientTime: day.clientTime ?? clientTime(key.day))
      }
    }
    for operation in replica.kept.filter({ !$0.isRejected }).map(\.operation) + replica.queue {
      switch operation.change.stated {
      case .setCompletion(let wanted):
        let key = CellKey(habitID: wanted.habitID, day: wanted.day)
        let note = wanted.done ? wanted.note : nil
        entries[key] = .init(done: wanted.done, note: note ?? entries[key]?.note ?? "", clientTime: wanted.clientTime)
      case .setNote(let wanted):
        let key = CellKey(habitID: wanted.habitID, day: wanted.day)
        entries[key] = .init(done: entries[key]?.done ?? false, note: wanted.text, clientTime: wanted.clientTime)
      case .deleteHabit(let habitID): habits[habitID] = nil
      case .editHabit, .resolveConflict, .setDayStart, .malformed: break
      }
    }
    habits.merge(replica.shownHabits) { $1 }
    for (key, cell) in replica.shownCells {
      entries[key] = .init(
        done: cell.done, note: cell.note, clientTime: entries[key]?.clientTime ?? clientTime(key.day))
    }
    for (_, notice) in replica.notices.sorted(by: { $0.key < $1.key })
    where notice.kind == .noteConflict && !notice.isResolved {
      guard let day = notice.day, let note = notice.losingValue?.text, !note.isEmpty else { continue }
      let key = CellKey(habitID: notice.habitID, day: day)
      if let entry = entries[key], entry.note != note { entries[key]?.otherNotes.append(note) }
    }
    return (habits, entries.filter { habits[$0.key.habitID] != nil })
  }
}

/// The part of a session that was sent.
struct SentSession {
  var habits: [Identifier: HabitFields] = [:]
  var days: [CellKey: (done: Bool, note: String, clientTime: ClientTime?)] = [:]

  init(_ claim: SessionClaim) {
    for captured in claim.captured?.habits ?? [] {
      if let habit = captured.habit, let id = Identifier(habit.id) { habits[id] = HabitFields(habit) }
    }
    for entry in claim.captured?.entries ?? [] {
      guard let habitID = Identifier(entry.habitId) else { continue }
      days[CellKey(habitID: habitID, day: Day(entry.day))] = (
        entry.done, entry.note, ClientTime(entry.clientTime)
      )
    }
  }
}

extension AnonymousSession {
  /// The changes of habits since the session was sent.
  func habitChanges(
    since sent: SentSession, _ names: [Identifier: Identifier]
  ) -> [StreakDomain.Operation.Change] {
    habits.sorted { $0.key < $1.key }.filter { sent.habits[$0.key] != $0.value }.map { id, fields in
      let changed = StreakDomain.HabitField.allCases.filter { sent.habits[id]?.text(of: $0) != fields.text(of: $0) }
      return .editHabit(.init(habitID: names[id] ?? id, fields: fields, changed: Set(changed)))
    }
  }

  /// The changes of days since the session was sent.
  /// - Parameter migrations: The statements that an undo of a sent day takes back.
  func dayChanges(
    since sent: SentSession, _ names: [Identifier: Identifier], migrations: [Identifier]
  ) -> [StreakDomain.Operation.Change] {
    entries.sorted { $0.key < $1.key }.flatMap { key, entry -> [StreakDomain.Operation.Change] in
      let before = sent.days[key] ?? (done: false, note: "", clientTime: nil)
      let habitID = names[key.habitID] ?? key.habitID
      var changes: [StreakDomain.Operation.Change] = []
      if entry.done != before.done {
        changes.append(
          .setCompletion(
            .init(
              habitID: habitID, day: key.day, done: entry.done, clientTime: entry.clientTime,
              undone: entry.done ? nil : migrations.map { StatementID(.migration, $0) })))
      }
      if entry.note != before.note {
        changes.append(.setNote(.init(habitID: habitID, day: key.day, text: entry.note, clientTime: entry.clientTime)))
      }
      return changes
    }
  }
}
