extension PersonLedger {
  /// Merges a person's data of an earlier moment into the current data: nothing existing is lost,
  /// and missing data returns.
  ///
  /// A day is done if either side says so, with the better status of the two. An existing note or
  /// field stays, a missing one returns; of two different ones the other is kept in a notice, as
  /// for any conflict. A deleted habit returns unchanged.
  ///
  /// The habits and cells that `saved` names must have been loaded, as far as they exist.
  /// - Parameters:
  ///   - id: The recovery or import.
  ///   - isExempt: Days that counted in it count here, because it is of this service.
  /// - Returns: One item for each habit, in order; nil if there would be more habits than allowed:
  ///   then nothing must be stored.
  public mutating func restore(
    _ saved: SavedLedger, by id: StatementID, isExempt: Bool, now: Instant
  ) -> [RestoredHabit]? {
    let version = changeNumber + 1
    let saved = resolved(saved)
    let names = saved.names(by: id)
    var found: [RestoredHabit] = []
    var places: [Identifier: Int] = [:]
    for habit in saved.habits where places[habit.id] == nil && habit.aliasOf == nil {
      let before = habits[habit.id]?.summary ?? StreakSummary(countedDays: EmptyCollection())
      var outcome = RestoredHabit(habitID: habit.id, before: before)
      guard restore(habit, &outcome, by: id, names: names, version: version, now: now) else { return nil }
      places[habit.id] = found.count
      found.append(outcome)
    }
    for cell in saved.cells.sorted(by: { $1.key < $0.key }) {
      guard let place = places[cell.key.habitID] else { continue }
      restore(cell, &found[place], by: id, isExempt: isExempt, version: version, now: now)
    }
    takeAliases(of: saved, by: id, version: version, now: now)
    for place in found.indices {
      found[place].daysReturning.reverse()
      found[place].daysChanging.reverse()
      found[place].daysConflicting.reverse()
    }
    if changes.isVisible {
      changeNumber = version
      noteSources(of: names)
    }
    return found
  }

  /// Records the sources of merged statements: devices know them once they have them. Days that a
  /// migration brought keep its name.
  mutating func noteSources(of names: [StatementID]) {
    for name in names where sources[name.source] == nil { sources.advance(name.source, to: name.seq) }
  }

  mutating func takeAliases(of saved: SavedLedger, by id: StatementID, version: Int64, now: Instant) {
    for alias in saved.habits {
      guard let habitID = alias.aliasOf, habits[habitID] != nil else { continue }
      makeAlias(
        alias.id, of: habitID, alias.fields, stamp: Stamp(time: .zero, id: id), version: version, now: now)
    }
  }

  /// The same data under the habits' ids of this account.
  func resolved(_ saved: SavedLedger) -> SavedLedger {
    guard habits.values.contains(where: { $0.aliasOf != nil }) else { return saved }
    var resolved = saved
    for index in saved.habits.indices {
      resolved.habits[index].id = habitID(meantBy: saved.habits[index].id)
      resolved.habits[index].aliasOf = saved.habits[index].aliasOf.map { habitID(meantBy: $0) }
    }
    for index in saved.cells.indices {
      let key = saved.cells[index].key
      resolved.cells[index].key = CellKey(habitID: habitID(meantBy: key.habitID), day: key.day)
    }
    return resolved
  }

  /// Takes the sums of the habits' actual cells: if rows were lost, the stored sums are wrong.
  ///
  /// - Parameter counts: By habit; habits without cells are absent.
  public mutating func recount(
    _ counts: [Identifier: (cellsDigest: StateDigest, summary: StreakSummary, earlyDays: Int)]
  ) {
    var sum = settings.digest
    for (habitID, var habit) in habits {
      let count = counts[habitID] ?? (.empty, StreakSummary(countedDays: EmptyCollection()), 0)
      if habit.summary != count.summary || habit.earlyDays != count.earlyDays {
        (habit.summary, habit.earlyDays) = (count.summary, count.earlyDays)
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

  /// The time of a value where there was none: another value that is recovered later does not
  /// replace it.
  static let restoredTime = HybridTime.zero.successor

  // MARK: Habits

  /// A habit that is missing.
  static func restored(
    _ saved: HabitEntry, by id: StatementID, names: [StatementID], version: Int64
  ) -> HabitState {
    var restored = HabitState(
      new: saved.fields, createdAt: saved.createdAt, version: version, stamp: Stamp(time: restoredTime, id: id))
    if saved.isDeleted {
      var statements = restored.statements
      statements.delete(
        by: Author(stamp: Stamp(time: .zero, id: id), seen: .everything), seen: SeenStatements(names))
      restored.isDeleted = true
      restored.statements = statements
    }
    return restored
  }

  private mutating func restore(
    _ saved: HabitEntry, _ outcome: inout RestoredHabit, by id: StatementID, names: [StatementID],
    version: Int64, now: Instant
  ) -> Bool {
    // A saved value is older than every statement here.
    let author = Author(stamp: Stamp(time: .zero, id: id), seen: .nothing)
    guard var habit = habits[saved.id] else {
      guard saved.isDeleted || habitCount < habitsMax else { return false }
      setHabit(Self.restored(saved, by: id, names: names, version: version), saved.id)
      outcome.returns = !saved.isDeleted
      return true
    }
    let before = habit
    var statements = habit.statements
    let fieldsBefore = statements
    let returns = habit.isDeleted && !saved.isDeleted
    if returns {
      guard habitCount < habitsMax else { return false }
      // The person restores it, and knows the deletion.
      let present = Author(stamp: Stamp(time: HybridTime(now), id: id), seen: .everything)
      statements.state(saved.fields.text(of: .archived), of: .archived, by: present)
      (habit.isDeleted, habit.returnedVersion) = (false, version)
      outcome.returns = true
    }
    for field in HabitField.allCases where field.hasConflictNotices {
      let (own, other) = (habit.fields.text(of: field), saved.fields.text(of: field))
      guard own != other, !other.isEmpty else { continue }
      if own.isEmpty {
        statements[field].state(
          other, by: Author(stamp: Stamp(time: Self.restoredTime, id: id), seen: .everything))
      } else {
        statements.state(other, of: field, by: author)
        outcome.hasFieldConflict = true
        _ = updateConflictNotices(
          of: fieldsBefore[field], &statements[field], about: .field(saved.id, field), version: version, now: now)
      }
    }
    habit.statements = statements
    habit.fields = statements.fields(isDeleted: habit.isDeleted)
    if habit != before {
      habit.version = version
      setHabit(habit, saved.id)
    }
    return true
  }

  // MARK: Cells

  private mutating func restore(
    _ saved: SavedLedger.Cell, _ outcome: inout RestoredHabit, by id: StatementID, isExempt: Bool, version: Int64,
    now: Instant
  ) {
    let key = saved.key
    let own = cells[key]?.cell
    let before = cells[key]?.statements ?? DayStatements()
    var statements = before
    // A migration's day keeps its name, so that the migration is recognised if it is repeated.
    let name = saved.migrationID.map { StatementID(.migration, $0) } ?? id
    let author = Author(stamp: Stamp(time: .zero, id: name), seen: .nothing)
    let isBetter =
      own.map { $0.done && CompletionTrust($0.trust) < CompletionTrust(saved.cell.trust) } ?? true
    if saved.cell.done, own?.done != true || isBetter {
      statements.complete(by: author, trust: CompletionTrust(saved.cell.trust, isExempt: isExempt))
      if !statements.isDone {
        // It was taken back here; the person restores it.
        statements.complete(
          by: Author(stamp: Stamp(time: .zero, id: id), seen: .nothing),
          trust: CompletionTrust(saved.cell.trust, isExempt: isExempt))
      }
    } else if own == nil {
      statements.undo([], by: author)
    }
    if !saved.cell.note.isEmpty, own?.note != saved.cell.note {
      if own?.note.isEmpty == false { outcome.daysConflicting.append(key.day) }
      // A missing note returns, also one that was cleared.
      if own?.note.isEmpty != false {
        statements.note.state(
          saved.cell.note,
          by: Author(stamp: Stamp(time: Self.restoredTime, id: name), seen: .everything))
      } else {
        statements.note.state(saved.cell.note, by: author)
      }
    }
    _ = updateDoneNotices(key, &statements, version: version, now: now)
    _ = updateConflictNotices(of: before.note, &statements.note, about: .note(key), version: version, now: now)
    guard statements != before else { return }
    let recordedAt = own == nil ? min(saved.recordedAt, now) : now
    let clientTime = cells[key]?.clientTime ?? saved.clientTime
    try? setCell(
      key, statements, last: Stamp(time: Self.restoredTime, id: name), clientTime: clientTime, recordedAt: recordedAt,
      version: version)
    if own == nil {
      outcome.daysReturning.append(key.day)
    } else if cells[key]?.cell != own {
      outcome.daysChanging.append(key.day)
    }
  }
}
