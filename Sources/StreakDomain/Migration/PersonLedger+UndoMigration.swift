extension PersonLedger {
  /// Undoes a migration: its statements about its days are removed, and habits that it made and
  /// that hold nothing else are deleted. Their current states stay in the history.
  ///
  /// - Parameters:
  ///   - keys: Days that have not changed since the migration; their cells and habits must have
  ///     been loaded.
  ///   - version: The change number of the migration.
  ///   - habitsWithMore: Habits that hold other cells than these.
  /// - Returns: The deleted habits, by ascending id, and the number of changed days.
  public mutating func undoMigration(
    _ migrationID: Identifier, _ keys: [CellKey], version: Int64, habitsWithMore: Set<Identifier>, now: Instant
  ) -> (deletedHabits: [Identifier], daysReversed: Int) {
    let migration = StatementID(.migration, migrationID)
    let id = StatementID(source: StatementID.directCalls, seq: sources.nextDirectCall(now: now))
    let author = Author(stamp: Stamp(time: HybridTime(now), id: id), seen: .everything)
    let shared = Set(
      keys.filter { key in
        cells[key]?.statements.completions.contains { $0.id.source != migrationID } == true
          || cells[key]?.statements.note.elements.contains { $0.stamp.id.source != migrationID } == true
      }.map(\.habitID))
    let emptied = habits.filter { habitID, habit in
      habit.version == version && !habit.isDeleted && !habitsWithMore.contains(habitID) && !shared.contains(habitID)
        && habit.statements.activity.allSatisfy { $0.source == migrationID }
    }.keys.sorted()
    guard !keys.isEmpty || !emptied.isEmpty else { return ([], 0) }
    let next = nextVersion()
    var daysReversed = 0
    for key in keys.sorted() {
      guard let state = cells[key] else { continue }
      let before = state.statements
      var statements = before
      let made = (before.completions + before.takenBack).map(\.id).filter { $0.source == migrationID }
      statements.undo(made + [migration], by: author, isInherited: false)
      statements.retract(source: migrationID)
      _ = updateDoneNotices(key, &statements, version: next, now: now)
      _ = updateConflictNotices(of: before.note, &statements.note, about: .note(key), version: next, now: now)
      try? setCell(key, statements, last: author.stamp, clientTime: state.clientTime, recordedAt: now, version: next)
      if cells[key]?.cell != state.cell { daysReversed += 1 }
    }
    for habitID in emptied {
      guard var habit = habits[habitID] else { continue }
      var statements = habit.statements
      statements.delete(by: author, seen: sources.seen(by: nil))
      statements.answerDeletion(by: author.id)
      habit.isDeleted = true
      habit.statements = statements
      habit.version = next
      setHabit(habit, habitID)
    }
    sources.advance(id.source, to: id.seq)
    return (emptied, daysReversed)
  }
}
