extension PersonLedger {
  /// Takes a migration back: its days become what they were before it, or not done where there was nothing, and habits that it made and
  /// that hold nothing else are deleted. Their states of now stay in the history.
  ///
  /// - Parameters:
  ///   - keys: Days that are still as the migration left them; their cells and habits must have been loaded.
  ///   - previous: What such a day held before; nothing where the migration brought the first state.
  ///   - version: The change number that everything of the migration had.
  ///   - habitsWithMore: Habits that hold other cells than these.
  /// - Returns: The habits that were deleted, by ascending id.
  public mutating func undoMigration(
    _ keys: [CellKey], previous: [CellKey: CellState], version: Int64, habitsWithMore: Set<Identifier>,
    by deviceID: Identifier?, now: Int64
  ) -> [Identifier] {
    let emptied = habits.filter { id, habit in
      habit.version == version && !habit.isDeleted && habit.stamps.allSatisfy { $0.version == version }
        && !habitsWithMore.contains(id)
    }.keys.filter { id in !previous.keys.contains { $0.habitID == id } }.sorted()
    guard !keys.isEmpty || !emptied.isEmpty else { return [] }
    let next = nextVersion()
    for key in keys.sorted() {
      guard var state = cells[key] else { continue }
      let stamp = Stamp(
        version: next, time: max(HybridTime(milliseconds: now), state.stamp.time.successor), deviceID: deviceID)
      if let before = previous[key] {
        state.cell = before.cell
        state.made = before.made
        state.migrationID = before.migrationID
      } else {
        state.cell.done = false
        state.cell.note = ""
        state.migrationID = nil
      }
      state.stamp = stamp
      state.recordedAtMilliseconds = now
      setCell(state, key)
    }
    for id in emptied {
      guard var habit = habits[id] else { continue }
      habit.isDeleted = true
      habit.version = next
      setHabit(habit, id)
    }
    return emptied
  }
}
