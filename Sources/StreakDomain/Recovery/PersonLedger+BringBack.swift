extension PersonLedger {
  /// Merges what a person had at an earlier moment into what they have: nothing that is there is lost, whatever is missing returns.
  ///
  /// A day is done if either says so, and worth what the better of the two says. A note or a habit's field that is there stays, one that is
  /// missing returns; of two different ones the other is kept in a notice, as for any conflict. A deleted habit comes back as it was.
  ///
  /// The habits and cells that `saved` names must have been loaded, as far as they exist.
  /// - Returns: One for each habit, in order; nil if there would be more habits than one may have: nothing is to be stored then.
  public mutating func bringBack(_ saved: SavedLedger, now: Int64, makeID: () -> Identifier) -> [BroughtBackHabit]? {
    let version = changeNumber + 1
    var found: [BroughtBackHabit] = []
    var places: [Identifier: Int] = [:]
    for habit in saved.habits where places[habit.id] == nil {
      let before = habits[habit.id]?.summary ?? StreakSummary(countedDays: EmptyCollection())
      var outcome = BroughtBackHabit(habitID: habit.id, before: before)
      guard bringBack(habit, &outcome, version: version, now: now, makeID: makeID) else { return nil }
      places[habit.id] = found.count
      found.append(outcome)
    }
    for cell in saved.cells {
      guard let place = places[cell.key.habitID] else { continue }
      bringBack(cell, &found[place], version: version, now: now, makeID: makeID)
    }
    if changes.isVisible { changeNumber = version }
    return found
  }

  /// Takes what the cells of each habit really add up to: if rows were lost, what is kept of them in numbers is wrong.
  ///
  /// - Parameter counts: By habit; those without cells are not in it.
  public mutating func recount(_ counts: [Identifier: (cellsDigest: StateDigest, summary: StreakSummary)]) {
    var sum = StateDigest.empty
    for (habitID, var habit) in habits {
      let count = counts[habitID] ?? (.empty, StreakSummary(countedDays: EmptyCollection()))
      if habit.summary != count.summary {
        habit.summary = count.summary
        habits[habitID] = habit
        changes.habits.insert(habitID)
      }
      guard !habit.isDeleted else { continue }
      sum += habit.digest(habitID: habitID)
      sum += count.cellsDigest
    }
    let count = habits.values.count { !$0.isDeleted }
    changes.isRecounted = changes.isRecounted || digest != sum || habitCount != count
    (digest, habitCount) = (sum, count)
  }

  /// Takes all that a document holds into an account without habits.
  ///
  /// - Parameters:
  ///   - floor: The highest number among the document's versions: the change is later than all of them.
  /// - Returns: Whether it fits.
  public mutating func takeAll(
    of saved: SavedLedger, notices: [(id: Identifier, notice: Notice)], above floor: Int64, now: Int64,
    makeID: () -> Identifier
  ) -> Bool {
    changeNumber = max(changeNumber, floor)
    guard bringBack(saved, now: now, makeID: makeID) != nil else { return false }
    if !changes.isVisible { changeNumber += 1 }
    for (id, notice) in notices {
      var notice = notice
      notice.version = changeNumber
      setNotice(notice, id)
    }
    let recent = saved.cells.filter { now - $0.made.occurredAtMilliseconds < ZoneUses.windowMilliseconds }
    for cell in recent { zones.note(cell.made, now: now) }
    if recent.isEmpty,
      let last = saved.cells.max(by: { $0.made.occurredAtMilliseconds < $1.made.occurredAtMilliseconds })
    {
      zones.note(last.made, now: now)
    }
    return true
  }

  // MARK: Habits

  /// Fields of which the other value is worth a notice.
  private static let noted: [HabitField] = [.name, .description, .color]

  private mutating func bringBack(
    _ saved: SavedLedger.Habit, _ outcome: inout BroughtBackHabit, version: Int64, now: Int64,
    makeID: () -> Identifier
  ) -> Bool {
    let stamp = Stamp(version: version, time: HybridTime(milliseconds: now), deviceID: nil)
    guard var habit = habits[saved.id] else {
      guard saved.isDeleted || habitCount < habitsMax else { return false }
      var made = HabitState(made: saved.fields, createdAtMilliseconds: saved.createdAtMilliseconds, stamp: stamp)
      made.isDeleted = saved.isDeleted
      setHabit(made, saved.id)
      outcome.returns = !saved.isDeleted
      return true
    }
    let before = habit
    if habit.isDeleted && !saved.isDeleted {
      guard habitCount < habitsMax else { return false }
      (habit.isDeleted, habit.returnedVersion) = (false, version)
      habit.fields.archived = saved.fields.archived
      habit.setStamp(of: .archived, stamp)
      outcome.returns = true
    }
    for field in Self.noted {
      let (own, other) = (habit.fields.text(of: field), saved.fields.text(of: field))
      guard own != other, !other.isEmpty else { continue }
      if own.isEmpty {
        habit.fields.take(field, from: saved.fields)
        habit.setStamp(of: field, stamp)
      } else {
        outcome.hasFieldConflict = true
        setNotice(
          Notice(
            kind: .fieldConflict, habitID: saved.id, field: field, kept: own, other: other, otherDeviceID: nil,
            madeAtMilliseconds: now, version: version), makeID())
      }
    }
    if habit != before {
      habit.version = version
      setHabit(habit, saved.id)
    }
    return true
  }

  // MARK: Cells

  private mutating func bringBack(
    _ saved: SavedLedger.Cell, _ outcome: inout BroughtBackHabit, version: Int64, now: Int64, makeID: () -> Identifier
  ) {
    let key = saved.key
    guard let existing = cells[key] else {
      let time = HybridTime(milliseconds: min(saved.made.occurredAtMilliseconds, now))
      setCell(
        CellState(
          cell: saved.cell, stamp: Stamp(version: version, time: time, deviceID: nil), made: saved.made,
          recordedAtMilliseconds: min(saved.recordedAtMilliseconds, now), migrationID: saved.migrationID), key)
      outcome.daysReturning.append(key.day)
      return
    }
    let (own, other) = (existing.cell, saved.cell)
    let union = LedgerCell(
      done: own.done || other.done, note: own.note.isEmpty ? other.note : own.note, trust: own.trust.better(other.trust)
    )
    if !own.note.isEmpty && !other.note.isEmpty && own.note != other.note {
      outcome.daysConflicting.append(key.day)
      setNotice(
        Notice(
          kind: .noteConflict, habitID: key.habitID, day: key.day, kept: own.note, other: other.note,
          otherDeviceID: nil, madeAtMilliseconds: now, version: version), makeID())
    }
    if !own.done && other.done {
      setNotice(
        Notice(
          kind: .doneConflict, habitID: key.habitID, day: key.day, kept: "true", other: "false",
          otherDeviceID: existing.stamp.deviceID, madeAtMilliseconds: now, version: version), makeID())
    }
    guard union != own else { return }
    outcome.daysChanging.append(key.day)
    var state = existing
    state.cell = union
    state.stamp = Stamp(
      version: version, time: max(HybridTime(milliseconds: now), existing.stamp.time.successor), deviceID: nil)
    state.recordedAtMilliseconds = now
    setCell(state, key)
  }
}
