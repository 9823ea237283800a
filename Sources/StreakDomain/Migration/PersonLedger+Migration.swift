/// What a migration makes of one habit.
public struct MergedHabit: Equatable, Sendable {
  public let match: HabitMatching.Match
  /// What the account's habit counted before.
  public let before: StreakSummary
  /// The days of the session that the account did not have.
  public internal(set) var daysNew: [Day] = []
  /// Those that it had with the same value.
  public internal(set) var daysSame: [Day] = []
  /// Those that it had with another one.
  public internal(set) var daysConflicting: [Day] = []
}

/// What a migration makes of a ledger.
public struct MergedSession: Equatable, Sendable {
  /// In the order of the session's habits.
  public internal(set) var habits: [MergedHabit] = []
  /// Conflicts, in the order they were found.
  public internal(set) var noticeIDs: [Identifier] = []
  /// The change number that everything of it has.
  public internal(set) var version: Int64 = 0

  public init() {}
}

extension PersonLedger {
  /// Makes a session part of the account: the union of both, whatever the order in which several sessions come.
  ///
  /// A day is done if either says so, and counts if either may let it count. Of two notes the one made later holds (of two made at once the
  /// greater text), of two values of a habit's field the account's; the other is kept in a notice. What a migration itself made of a habit's
  /// fields was never edited, so there the greater text holds, and no order matters.
  ///
  /// The habits that `matching` names in the account, and the cells of the session's days in them, must have been loaded.
  /// - Returns: Nil if the account would have more habits than one may have; nothing is to be stored then.
  public mutating func migrate(
    _ plan: MigrationPlan, matching: HabitMatching, migrationID: Identifier, now: Int64, makeID: () -> Identifier
  ) -> MergedSession? {
    var merged = MergedSession()
    merged.version = nextVersion()
    for (habit, match) in zip(plan.habits, matching.matches) {
      var outcome = MergedHabit(match: match, before: habits[match.habitID]?.summary ?? StreakSummary(runs: []))
      guard mergeFields(habit, into: match.habitID, &merged, now: now, makeID: makeID) else { return nil }
      for cell in habit.cells {
        mergeCell(cell, CellKey(habitID: match.habitID, day: cell.day), migrationID, &outcome, &merged, now, makeID)
      }
      merged.habits.append(outcome)
    }
    zones.note(plan.capturedAt, now: now)
    return merged
  }

  // MARK: Habits

  private static let kept: [HabitField] = [.name, .description, .color]

  private mutating func mergeFields(
    _ planned: MigrationPlan.Habit, into habitID: Identifier, _ merged: inout MergedSession, now: Int64,
    makeID: () -> Identifier
  ) -> Bool {
    let captured = planned.captured
    let fields = HabitFields(
      name: captured.name, description: captured.description, color: captured.color, position: captured.position,
      archived: captured.archived)
    // Fields of a session carry no time: any edit is later.
    let stamp = Stamp(version: merged.version, time: .zero, deviceID: nil)
    guard var habit = habits[habitID] else {
      guard habitCount < habitsMax else { return false }
      setHabit(HabitState(made: fields, createdAtMilliseconds: now, stamp: stamp), habitID)
      return true
    }
    let before = habit.fields
    for field in HabitField.allCases {
      let (own, other) = (habit.fields.text(of: field), fields.text(of: field))
      guard own != other, !other.isEmpty else { continue }
      let takes = own.isEmpty || (habit.stamp(of: field).time == .zero && own < other)
      if takes {
        habit.fields.take(field, from: fields)
        habit.setStamp(of: field, stamp)
      }
      guard Self.kept.contains(field), !own.isEmpty, !Self.meansTheSame(field, own, other) else { continue }
      addNotice(
        Notice(
          kind: .fieldConflict, habitID: habitID, field: field, kept: takes ? other : own, other: takes ? own : other,
          otherDeviceID: nil, madeAtMilliseconds: now, version: merged.version), &merged, makeID)
    }
    if habit.isDeleted && !planned.cells.isEmpty {
      guard habitCount < habitsMax else { return false }
      // Deleted in the account, but the session holds days of it: they stay, and the habit is archived instead.
      (habit.isDeleted, habit.returnedVersion, habit.fields.archived) = (false, merged.version, true)
      addNotice(
        Notice(
          kind: .deletionConflict, habitID: habitID, kept: "archived", other: "deleted", otherDeviceID: nil,
          madeAtMilliseconds: now, version: merged.version), &merged, makeID)
      habit.version = merged.version
      setHabit(habit, habitID)
    } else if habit.fields != before {
      habit.version = merged.version
      setHabit(habit, habitID)
    }
    return true
  }

  private static func meansTheSame(_ field: HabitField, _ own: String, _ other: String) -> Bool {
    switch field {
    case .name: HabitName.normalised(own) == HabitName.normalised(other)
    // Black is what a habit has whose color nobody chose.
    case .color: own == "0" || other == "0"
    default: false
    }
  }

  private mutating func addNotice(_ notice: Notice, _ merged: inout MergedSession, _ makeID: () -> Identifier) {
    let id = makeID()
    merged.noticeIDs.append(id)
    setNotice(notice, id)
  }

  // MARK: Cells

  private mutating func mergeCell(
    _ planned: MigrationPlan.Cell, _ key: CellKey, _ migrationID: Identifier, _ outcome: inout MergedHabit,
    _ merged: inout MergedSession, _ now: Int64, _ makeID: () -> Identifier
  ) {
    let time = HybridTime(milliseconds: min(planned.made.occurredAtMilliseconds, now))
    func state(_ cell: LedgerCell, _ time: HybridTime) -> CellState {
      CellState(
        cell: cell, stamp: Stamp(version: merged.version, time: time, deviceID: nil), made: planned.made,
        recordedAtMilliseconds: now, migrationID: migrationID)
    }
    guard let existing = cells[key] else {
      outcome.daysNew.append(key.day)
      setCell(state(planned.state, time), key)
      return
    }
    let (own, other) = (existing.cell, planned.state)
    let noteOfSession =
      own.note.isEmpty || (!other.note.isEmpty && (existing.stamp.time, own.note) < (time, other.note))
    let union = LedgerCell(
      done: own.done || other.done, note: noteOfSession ? other.note : own.note, trust: own.trust.better(other.trust))
    let conflicts = !own.note.isEmpty && !other.note.isEmpty && own.note != other.note
    if conflicts || own.done != other.done {
      outcome.daysConflicting.append(key.day)
    } else {
      outcome.daysSame.append(key.day)
    }
    if conflicts {
      addNotice(
        Notice(
          kind: .noteConflict, habitID: key.habitID, day: key.day, kept: union.note,
          other: noteOfSession ? own.note : other.note, otherDeviceID: existing.stamp.deviceID, madeAtMilliseconds: now,
          version: merged.version), &merged, makeID)
    }
    if own.done != other.done {
      addNotice(
        Notice(
          kind: .doneConflict, habitID: key.habitID, day: key.day, kept: "true", other: "false",
          otherDeviceID: own.done ? nil : existing.stamp.deviceID, madeAtMilliseconds: now, version: merged.version),
        &merged, makeID)
    }
    // The same note made later counts as made later: a third one is compared with it.
    guard union != own || (noteOfSession && !other.note.isEmpty && existing.stamp.time < time) else { return }
    // The time is that of the note, so that the order in which sessions come does not matter; without any it is the later one.
    let holds = union.note.isEmpty ? max(existing.stamp.time, time) : noteOfSession ? time : existing.stamp.time
    setCell(state(union, holds), key)
  }
}

extension CellTrust {
  /// What a day is worth that two sides claim: it counts if either may let it count; of two reasons the first of the list.
  func better(_ other: CellTrust) -> CellTrust { number <= other.number ? self : other }
}
