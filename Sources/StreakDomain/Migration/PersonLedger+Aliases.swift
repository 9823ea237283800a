/// Habits that have had another id. Source: Specification.md, section 5: "the other id is an alias
/// for ever".
extension PersonLedger {
  /// The habit that an id or alias names.
  public func habitID(meantBy id: Identifier) -> Identifier { habits[id]?.aliasOf ?? id }

  /// The id under which a habit began. A renamed habit is the same one; one that became a part of
  /// another is not.
  private func identity(of id: Identifier) -> Identifier {
    guard let habit = habits[id] else { return id }
    return habit.firstID ?? habit.aliasOf.map { habits[$0]?.firstID ?? $0 } ?? id
  }

  /// The change with aliases replaced.
  func resolved(_ change: Operation.Change) -> Operation.Change {
    guard let id = change.habitID, let habitID = habits[id]?.aliasOf else { return change }
    switch change {
    case .setCompletion(var completion):
      let (stated, present) = (identity(of: id), identity(of: habitID))
      (completion.habitID, completion.joinedFrom) = (habitID, stated == present ? nil : stated)
      return .setCompletion(completion)
    case .setNote(var note):
      note.habitID = habitID
      return .setNote(note)
    case .editHabit(var edit):
      edit.habitID = habitID
      return .editHabit(edit)
    case .deleteHabit: return .deleteHabit(habitID)
    case .resolveConflict(var resolution):
      resolution.statement = resolution.statement.map(resolved)
      return .resolveConflict(resolution)
    case .setDayStart, .malformed: return change
    }
  }

  /// Makes an id an alias of a habit, unless the account has it already.
  mutating func makeAlias(
    _ id: Identifier, of habitID: Identifier, _ fields: HabitFields, stamp: Stamp, version: Int64, now: Instant
  ) {
    guard id != habitID, habits[id] == nil else { return }
    var alias = HabitState(new: fields, createdAt: now, version: version, stamp: stamp)
    (alias.isDeleted, alias.aliasOf) = (true, habitID)
    setHabit(alias, id)
  }

  /// Moves a habit with all its data to another id, and makes the former one an alias.
  ///
  /// All cells of the habit must have been loaded. Its stored rows are moved first
  /// (`changes.renamedHabits`).
  mutating func rename(_ formerID: Identifier, to habitID: Identifier) {
    guard let former = habits[formerID], !former.isDeleted, habits[habitID] == nil else { return }
    var habit = former
    habit.firstID = former.firstID ?? formerID
    // Devices with the days under the former id need all of them again.
    (habit.version, habit.returnedVersion) = (changeNumber, changeNumber)
    setHabit(habit, habitID)
    for (key, state) in cells where key.habitID == formerID {
      let moved = CellKey(habitID: habitID, day: key.day)
      digest -= CellState.itemDigest(key, state.cell)
      digest += CellState.itemDigest(moved, state.cell)
      cells[key] = nil
      cells[moved] = state
    }
    loadedActivity[habitID] = loadedActivity.removeValue(forKey: formerID)
    wholeHabits.insert(habitID)

    // Its cells have been moved: deleting the former one removes no others from the digest.
    digest -= former.digest(habitID: formerID)
    habitCount -= 1
    var alias = HabitState(
      fields: former.fields, createdAt: former.createdAt, version: changeNumber,
      encodedStatements: former.encodedStatements, summary: StreakSummary(countedDays: EmptyCollection()))
    (alias.isDeleted, alias.aliasOf) = (true, habitID)
    habits[formerID] = alias
    changes.habits.insert(formerID)
    changes.editedHabits.insert(formerID)
    for (id, var other) in habits where other.aliasOf == formerID {
      (other.aliasOf, other.version) = (habitID, changeNumber)
      setHabit(other, id)
    }
    changes.renamedHabits.append(RenamedHabit(formerID: formerID, habitID: habitID))
  }

  /// Makes a habit part of another one with all that it has, and its id an alias.
  ///
  /// All cells of both must have been loaded. What is stored of the former one's days goes, and its
  /// history and notices become the other's, before anything else is stored
  /// (`changes.joinedHabits`).
  mutating func join(_ formerID: Identifier, into habitID: Identifier, version: Int64, now: Instant) {
    guard let former = habits[formerID], !former.isDeleted, var habit = habits[habitID], formerID != habitID else {
      return
    }
    let before = habit.statements
    var (statements, others) = (before, former.statements)
    others.forgetNotices()
    statements.join(others)
    for field in HabitField.allCases {
      _ = updateConflictNotices(
        of: before[field], &statements[field], about: .field(habitID, field), version: version, now: now)
    }
    habit.statements = statements
    habit.fields = statements.fields(isDeleted: habit.isDeleted)
    habit.version = version
    setHabit(habit, habitID)

    // The latest days first: if there are more early days than may count, the latest of them do.
    let moved = cells.filter { $0.key.habitID == formerID }.sorted { $1.key < $0.key }
    for (key, state) in moved {
      if !former.isDeleted { digest -= CellState.itemDigest(key, state.cell) }
      use.addText(-state.textBytes)
      cells[key] = nil
      let place = CellKey(habitID: habitID, day: key.day)
      let own = cells[place]
      let known = own?.statements ?? DayStatements()
      var (merged, other) = (known, state.statements)
      other.forgetNotices()
      merged.join(other, of: former.firstID ?? formerID)
      _ = updateDoneNotices(place, &merged, version: version, now: now)
      _ = updateConflictNotices(of: known.note, &merged.note, about: .note(place), version: version, now: now)
      let last = own.map { max($0.stamp, state.stamp) } ?? state.stamp
      // The habit is there.
      try? setCell(
        place, merged, last: last,
        clientTime: own.map { $0.stamp < state.stamp ? state.clientTime : $0.clientTime } ?? state.clientTime,
        recordedAt: now, version: version)
    }
    loadedActivity[habitID, default: []] += loadedActivity.removeValue(forKey: formerID) ?? []
    wholeHabits.formUnion([habitID])

    digest -= former.digest(habitID: formerID)
    use.addText(-former.textBytes)
    habitCount -= 1
    var alias = HabitState(
      fields: former.fields, createdAt: former.createdAt, version: version,
      encodedStatements: former.encodedStatements, summary: StreakSummary(countedDays: EmptyCollection()))
    (alias.isDeleted, alias.aliasOf, alias.firstID) = (true, habitID, former.firstID ?? formerID)
    use.addText(alias.textBytes)
    habits[formerID] = alias
    changes.habits.insert(formerID)
    changes.editedHabits.insert(formerID)
    for (id, var other) in habits where other.aliasOf == formerID {
      (other.aliasOf, other.firstID, other.version) = (habitID, other.firstID ?? alias.firstID, version)
      setHabit(other, id)
    }
    changes.joinedHabits.append(RenamedHabit(formerID: formerID, habitID: habitID))
  }

  /// For completely loaded habits: computes the values that need all counted days.
  mutating func completeWholeHabits() {
    for habitID in changes.staleSummaries.intersection(wholeHabits) {
      let days = cells.filter { $0.key.habitID == habitID && $0.value.cell.counts }.keys.map(\.day)
      setStoredCountedDays(days, of: habitID)
    }
  }
}

/// A habit that has another id from now on.
public struct RenamedHabit: Equatable, Sendable {
  public var formerID: Identifier
  public var habitID: Identifier
}
