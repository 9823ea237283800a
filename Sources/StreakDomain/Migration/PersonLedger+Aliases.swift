/// Habits that have had another id. Source: Specification.md, section 5: "the other id is an alias
/// for ever".
extension PersonLedger {
  /// The habit that an id or alias names.
  public func habitID(meantBy id: Identifier) -> Identifier { habits[id]?.aliasOf ?? id }

  /// The change with aliases replaced.
  func resolved(_ change: Operation.Change) -> Operation.Change {
    guard let id = change.habitID, let habitID = habits[id]?.aliasOf else { return change }
    switch change {
    case .setCompletion(var completion):
      completion.habitID = habitID
      return .setCompletion(completion)
    case .setNote(var note):
      note.habitID = habitID
      return .setNote(note)
    case .editHabit(var edit):
      edit.habitID = habitID
      return .editHabit(edit)
    case .deleteHabit: return .deleteHabit(habitID)
    case .resolveConflict, .setDayStart, .malformed: return change
    }
  }

  /// Makes an id an alias of a habit, unless the account has it already.
  mutating func makeAlias(
    _ id: Identifier, of habitID: Identifier, _ fields: HabitFields, stamp: Stamp, version: Int64, now: Instant
  ) {
    guard id != habitID, habits[id] == nil else { return }
    var alias = HabitState(made: fields, createdAt: now, version: version, stamp: stamp)
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
