extension PersonLedger {
  /// Whether the server has lost this import of a document, and devices have stated a part of the
  /// account anew: a habit of the document was restated, or a statement about a habit comes from an
  /// author that knew the import.
  public func hasLost(_ saved: SavedLedger, by id: StatementID) -> Bool {
    let brought = Set(resolved(saved).habits.map(\.id))
    return habits.contains { habitID, habit in
      let statements = habit.statements
      return statements.isKnown(id) || (brought.contains(habitID) && statements.stamps.contains(.initial))
    }
  }

  /// The habits and cells of this account that a document names.
  public func cellKeys(of saved: SavedLedger) -> [CellKey] {
    saved.cells.map { CellKey(habitID: habitID(meantBy: $0.key.habitID), day: $0.key.day) }
  }

  /// The habits of this account that a document names and that were deleted once, here or in the
  /// document: they need their activity.
  public func habitsWithActivity(of saved: SavedLedger) -> Set<Identifier> {
    let deleted = saved.habits.lazy.filter { saved in
      guard let habit = self.habits[self.habitID(meantBy: saved.id)] else { return false }
      return saved.isDeleted || habit.hasDeletions
    }
    return Set(deleted.map { self.habitID(meantBy: $0.id) })
  }

  /// Takes all of a document: into an account without habits, or into one that has lost this import
  /// (`hasLost`).
  ///
  /// Everything in it is a statement of the import. It is merged like any other one: an undo that
  /// names the import's completion, a deletion or an edit whose author knew it has its effect, also
  /// if it arrived before.
  ///
  /// The habits, cells and activities that `saved` names must have been loaded, as far as they
  /// exist.
  /// - Parameters:
  ///   - id: The import.
  ///   - isExempt: The document was sealed by this service, and was not imported into another
  ///     account.
  ///   - floor: The highest number among the document's versions: the change is later than all of
  ///     them.
  /// - Returns: Whether it fits.
  public mutating func takeAll(
    of saved: SavedLedger, by id: StatementID, isExempt: Bool, notices: [(id: Identifier, notice: Notice)],
    above floor: Int64, now: Instant
  ) -> Bool {
    changeNumber = max(changeNumber, floor)
    let version = nextVersion()
    let saved = resolved(saved)
    let names = saved.names(by: id)
    let known = habitsWithActivity(of: saved)
    let activities = activities(of: known)
    for habit in saved.habits where habit.aliasOf == nil {
      guard
        take(habit, by: id, names: names, activity: activities[habit.id] ?? [], version: version, now: now)
      else { return false }
    }
    // The latest days first: if there are more early days than may count, the latest of them do.
    for cell in saved.cells.reversed() { take(cell, by: id, isExempt: isExempt, version: version, now: now) }
    takeAliases(of: saved, by: id, version: version, now: now)
    noteSources(of: names)
    let author = Author(stamp: Stamp(time: .zero, id: id), seen: .nothing)
    for (habitID, activity) in self.activities(of: known) {
      noteActivity(of: habitID, by: author, activity: activity, version: version, now: now)
    }
    if saved.dayStartMinutes != 0 {
      let author = Author(stamp: Stamp(time: Self.restoredTime, id: id), seen: .nothing)
      _ = try? setDayStart(saved.dayStartMinutes, by: author)
    }
    for (id, notice) in notices {
      var notice = notice
      notice.habitID = habitID(meantBy: notice.habitID)
      notice.version = changeNumber
      setNotice(notice, id)
    }
    let recent = saved.cells.filter {
      now.milliseconds(since: $0.clientTime.occurredAt) < RecentTimeZones.windowMilliseconds
    }
    for cell in recent { zones.note(cell.clientTime, now: now) }
    if recent.isEmpty,
      let last = saved.cells.max(by: { $0.clientTime.occurredAt < $1.clientTime.occurredAt })
    {
      zones.note(last.clientTime, now: now)
    }
    return true
  }

  private mutating func take(
    _ saved: HabitEntry, by id: StatementID, names: [StatementID], activity: [StatementID], version: Int64,
    now: Instant
  ) -> Bool {
    guard var habit = habits[saved.id] else {
      guard saved.isDeleted || habitCount < habitsMax else { return false }
      setHabit(Self.restored(saved, by: id, names: names, version: version), saved.id)
      return true
    }
    let author = Author(stamp: Stamp(time: Self.restoredTime, id: id), seen: .nothing)
    let before = habit.statements
    var statements = before
    for field in HabitField.allCases {
      statements.state(saved.fields.text(of: field), of: field, by: author)
      _ = updateConflictNotices(
        of: before[field], &statements[field], about: .field(saved.id, field), version: version, now: now)
    }
    if saved.isDeleted {
      statements.delete(
        by: Author(stamp: Stamp(time: .zero, id: id), seen: .nothing), seen: SeenStatements(names),
        activity: activity)
    }
    habit.statements = statements
    habit.createdAt = min(habit.createdAt, saved.createdAt)
    recompute(&habit, saved.id, by: author, activity: activity, version: version, now: now)
    return true
  }

  private mutating func take(
    _ saved: SavedLedger.Cell, by id: StatementID, isExempt: Bool, version: Int64, now: Instant
  ) {
    let key = saved.key
    let own = cells[key]
    let before = own?.statements ?? DayStatements()
    var statements = before
    // A migration's day keeps its name, so that the migration is recognised if it is repeated.
    let name = saved.migrationID.map { StatementID(.migration, $0) } ?? id
    let author = Author(stamp: Stamp(time: .zero, id: name), seen: .nothing)
    if saved.cell.done {
      statements.complete(by: author, trust: CompletionTrust(saved.cell.trust, isExempt: isExempt))
    } else {
      statements.undo([], by: author)
    }
    let last = Stamp(time: Self.restoredTime, id: name)
    if !saved.cell.note.isEmpty { statements.note.state(saved.cell.note, by: Author(stamp: last, seen: .nothing)) }
    _ = updateDoneNotices(key, &statements, version: version, now: now)
    _ = updateConflictNotices(of: before.note, &statements.note, about: .note(key), version: version, now: now)
    guard statements != before else { return }
    try? setCell(
      key, statements, last: last, clientTime: own?.clientTime ?? saved.clientTime,
      recordedAt: own == nil ? min(saved.recordedAt, now) : now, version: version)
  }
}

extension SavedLedger {
  /// The names of what is stated in it. A deletion in it knows all of them.
  func names(by id: StatementID) -> [StatementID] {
    Set([id] + cells.compactMap { $0.migrationID.map { StatementID(.migration, $0) } }).sorted()
  }
}
