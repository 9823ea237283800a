/// The result of a migration for one habit.
public struct MergedHabit: Equatable, Sendable {
  public let match: HabitMatching.Match
  /// The account's summary of the habit before.
  public let before: StreakSummary
  /// Days of the session that the account did not have.
  public internal(set) var daysNew: [Day] = []
  /// Days that it had with the same value.
  public internal(set) var daysSame: [Day] = []
  /// Days that it had with another value.
  public internal(set) var daysConflicting: [Day] = []
}

/// The result of a migration for a ledger.
public struct MergedSession: Equatable, Sendable {
  /// In the order of the session's habits.
  public internal(set) var habits: [MergedHabit] = []
  /// Conflicts, in the order they were found.
  public internal(set) var noticeIDs: [Identifier] = []
  /// Indexes in the capture of the notes that were not stored because the quota of texts is full.
  public internal(set) var refusedNotes: [Int] = []
  /// The change number of all its changes.
  public internal(set) var version: Int64 = 0

  public init() {}
}

extension PersonLedger {
  /// Makes a session part of the account: the union of both, independent of the order of several
  /// sessions.
  ///
  /// The session is a concurrent author: a day is done if either says so; of two notes the one made
  /// later wins, the other is kept in a notice. Of two values of a habit's field the account's
  /// wins; among sessions that of the later capture.
  ///
  /// All habits must have been loaded, and the cells of the session's days in those that `matching`
  /// names; of habits that it moves, and of those that they become part of, all cells.
  /// - Parameter isNewAccount: The account is made by the same call.
  /// - Returns: Nil if the account would have more habits than allowed; then nothing must be
  ///   stored.
  public mutating func migrate(
    _ plan: MigrationPlan, matching: HabitMatching, migrationID: Identifier, isNewAccount: Bool, now: Instant
  ) -> MergedSession? {
    var merged = MergedSession()
    merged.version = nextVersion()
    let id = StatementID(.migration, migrationID)
    for move in matching.moves {
      if habits[move.habitID] == nil {
        rename(move.formerID, to: move.habitID)
      } else {
        join(move.formerID, into: move.habitID, version: merged.version, now: now)
      }
    }
    // Statements of habits that become one need names of their own.
    var parts: [Identifier: UInt32] = [:]
    var names: [Identifier: StatementID] = [:]
    for match in matching.matches.sorted(by: { $0.capturedID < $1.capturedID }) {
      names[match.capturedID] = StatementID(migrationID, part: parts[match.habitID, default: 0])
      parts[match.habitID, default: 0] += 1
    }
    for (habit, match) in zip(plan.habits, matching.matches) {
      var outcome = MergedHabit(match: match, before: habits[match.habitID]?.summary ?? StreakSummary(runs: []))
      let name = names[match.capturedID] ?? id
      // The name of what is stated of the fields tells under which id the session had the habit.
      let fieldsID = StatementID(migrationID, part: HabitClasses.mark(of: match.capturedID))
      guard mergeFields(habit, of: plan, into: match.habitID, fieldsID, &merged, now: now) else { return nil }
      makeAlias(
        match.capturedID, of: match.habitID, habit.captured.fields,
        stamp: Stamp(time: Self.fieldsTime(plan), id: fieldsID),
        version: merged.version, now: now)
      // The latest days first: if there are more early days than may count, the latest of them do.
      var isActive = false
      for cell in habit.cells.reversed() {
        let key = CellKey(habitID: match.habitID, day: cell.day)
        let trust = trust(of: cell, plan: plan, isNewAccount: isNewAccount, now: now)
        if mergeCell(cell, key, trust, name, &outcome, &merged, now) { isActive = true }
      }
      // Once for all days: it looks through all of them.
      if isActive {
        let noticesBefore = changes.notices
        let author = Author(stamp: Stamp(time: Self.fieldsTime(plan), id: name), seen: .nothing)
        noteActivity(of: match.habitID, by: author, version: merged.version, now: now)
        merged.noticeIDs += changes.notices.subtracting(noticesBefore).sorted()
      }
      // A field that a deletion did not know keeps the habit as well.
      if habits[match.habitID]?.isDeleted == true {
        noteActivity(
          of: match.habitID, by: Author(stamp: Stamp(time: Self.fieldsTime(plan), id: fieldsID), seen: .nothing),
          version: merged.version, now: now)
      }
      outcome.daysNew.reverse()
      outcome.daysSame.reverse()
      outcome.daysConflicting.reverse()
      merged.habits.append(outcome)
    }
    completeWholeHabits()
    zones.note(plan.capturedAt, now: now)
    sources.advance(id.source, to: id.seq)
    changes.isHeadChanged = true
    return merged
  }

  /// In an existing account, a session whose begin the server did not see counts no later day than
  /// a device registered now could claim.
  private func trust(of cell: MigrationPlan.Cell, plan: MigrationPlan, isNewAccount: Bool, now: Instant) -> CellTrust {
    guard !plan.isAnchored, !isNewAccount, cell.state.trust == .counted, cell.day >= firstDay else {
      return cell.state.trust
    }
    let today = DayRules.judgedDay(cell.clientTime, at: now)
    return DayRules.trust(day: cell.day, today: today, caughtUpDay: today)
  }

  // MARK: Habits

  /// A session's fields are ordered by their capture, and precede every edit.
  private static func fieldsTime(_ plan: MigrationPlan) -> HybridTime {
    HybridTime(packed: UInt64(max(1, plan.capturedAt.occurredAt.milliseconds / 1_000)))
  }

  private mutating func mergeFields(
    _ planned: MigrationPlan.Habit, of plan: MigrationPlan, into habitID: Identifier, _ id: StatementID,
    _ merged: inout MergedSession, now: Instant
  ) -> Bool {
    let fields = planned.captured.fields
    let author = Author(stamp: Stamp(time: Self.fieldsTime(plan), id: id), seen: .nothing)
    // An alias ends if the person asked for a habit of its own.
    guard var habit = habits[habitID], habit.aliasOf == nil else {
      guard habitCount < habitsMax else { return false }
      setHabit(
        HabitState(new: fields, createdAt: now, version: merged.version, stamp: author.stamp), habitID)
      return true
    }
    if habit.isDeleted && habitCount >= habitsMax { return planned.cells.isEmpty }
    let before = habit.statements
    var statements = before
    for field in HabitField.allCases {
      let (own, other) = (habit.fields.text(of: field), fields.text(of: field))
      // An empty field states nothing: it does not take part in the order of times.
      guard !other.isEmpty else { continue }
      let isOfSession = statements[field].winner?.stamp.id.migrationID != nil
      let needsNotice = field.hasConflictNotices && !Self.meansTheSame(field, own, other)
      // Among sessions the latest moment decides, also for equal values. A field of the account's
      // own is kept, with a notice of the session's value if its meaning differs.
      guard isOfSession || own.isEmpty || needsNotice else { continue }
      if own.isEmpty { statements[field].retractAll(of: own) }
      statements.state(other, of: field, by: author)
      guard needsNotice else { continue }
      if let noticeID = updateConflictNotices(
        of: before[field], &statements[field], about: .field(habitID, field), version: merged.version, now: now)
      {
        merged.noticeIDs.append(noticeID)
      }
    }
    guard statements != before else { return true }
    habit.statements = statements
    habit.fields = statements.fields(isDeleted: habit.isDeleted)
    habit.version = merged.version
    setHabit(habit, habitID)
    return true
  }

  private static func meansTheSame(_ field: HabitField, _ own: String, _ other: String) -> Bool {
    switch field {
    case .name: HabitName.normalised(own) == HabitName.normalised(other)
    // A habit whose colour was never chosen is black.
    case .color: own == "0" || other == "0"
    default: false
    }
  }

  // MARK: Cells

  /// - Returns: Whether it stated something that keeps the habit.
  private mutating func mergeCell(
    _ planned: MigrationPlan.Cell, _ key: CellKey, _ trust: CellTrust, _ id: StatementID, _ outcome: inout MergedHabit,
    _ merged: inout MergedSession, _ now: Instant
  ) -> Bool {
    let before = cells[key]?.statements ?? DayStatements()
    let own = cells[key]?.cell
    var statements = before
    func author(_ clientTime: Instant, _ id: StatementID) -> Author {
      Author(stamp: Stamp(time: HybridTime(min(clientTime, now)), id: id), seen: .nothing)
    }
    let latest = author(planned.clientTime.occurredAt, id)
    if planned.state.done {
      statements.complete(by: latest, trust: CompletionTrust(trust))
    } else {
      statements.undo([], by: latest)
    }
    for (place, note) in planned.notes.enumerated() {
      guard hasRoom(for: note.text, of: key) else {
        _ = refuseText()
        merged.refusedNotes.append(note.index)
        continue
      }
      // Several notes of one day need names of their own.
      let name = place == 0 ? id : StatementID(source: id.source, seq: id.seq - Int64(place) - 16)
      let time = place == 0 ? planned.clientTime.occurredAt : note.madeAt
      var author = author(time, name)
      if place > 0 {
        author.stamp.time = min(author.stamp.time, HybridTime(milliseconds: latest.stamp.time.milliseconds))
      }
      statements.note.state(note.text, by: author)
    }
    let noticesBefore = changes.notices
    _ = updateDoneNotices(key, &statements, version: merged.version, now: now)
    _ = updateConflictNotices(of: before.note, &statements.note, about: .note(key), version: merged.version, now: now)
    if let own {
      let differs =
        own.done != planned.state.done
        || (!own.note.isEmpty && !planned.state.note.isEmpty && own.note != planned.state.note)
      if differs { outcome.daysConflicting.append(key.day) } else { outcome.daysSame.append(key.day) }
    } else {
      outcome.daysNew.append(key.day)
    }
    guard statements != before else { return false }
    // The habit was loaded or made above.
    try? setCell(
      key, statements, last: latest.stamp, clientTime: planned.clientTime, recordedAt: now, version: merged.version)
    merged.noticeIDs += changes.notices.subtracting(noticesBefore).sorted()
    return planned.state.done || !planned.notes.isEmpty
  }
}

extension HabitField {
  /// Whether another value of the field causes a notice.
  var hasConflictNotices: Bool {
    switch self {
    case .name, .description, .color: true
    case .position, .archived: false
    }
  }
}
