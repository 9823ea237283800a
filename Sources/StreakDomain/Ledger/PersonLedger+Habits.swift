extension PersonLedger {
  /// Makes a habit, or changes some of its fields.
  mutating func editHabit(
    _ edit: Operation.HabitEdit, by author: Author, now: Instant
  ) throws(Reason) -> OperationOutcome {
    guard var habit = habits[edit.habitID] else { return try makeHabit(edit, by: author, now: now) }
    var fields = habit.fields
    for field in edit.changed { fields.take(field, from: edit.fields) }
    guard fields.isValid else { throw .invalidField }
    if habit.isDeleted && habitCount >= habitsMax { throw .habitLimit }
    let (bytes, bytesBefore) = (fields.textBytes, habit.fields.textBytes)
    guard hasRoom(for: bytes, replacing: bytesBefore) else { throw refuseText() }

    let before = habit.statements
    var statements = before
    for field in HabitField.allCases where edit.changed.contains(field) {
      statements.state(edit.fields.text(of: field), of: field, by: author)
    }
    guard statements != before else { return OperationOutcome(seq: 0, status: .applied) }
    let version = nextVersion()
    var noticeID: Identifier?
    for field in HabitField.allCases where edit.changed.contains(field) {
      let id = updateConflictNotices(
        of: before[field], &statements[field], about: .field(edit.habitID, field), version: version, now: now)
      noticeID = noticeID ?? id
    }
    habit.statements = statements
    let deletionNoticeID = recompute(&habit, edit.habitID, by: author, version: version, now: now)
    let holds = !edit.changed.contains { field in
      statements[field].conflicting.contains { $0.stamp.id == author.id }
    }
    return OperationOutcome(
      seq: 0, status: holds ? .applied : .superseded, changeNumber: version, noticeID: noticeID ?? deletionNoticeID)
  }

  /// Whether a change is an edit of some fields of a habit that does not exist: its author knew
  /// one.
  public func isEditOfMissingHabit(_ change: Operation.Change) -> Bool {
    guard case .editHabit(let edit) = resolved(change).stated else { return false }
    return edit.changed.count < HabitField.allCases.count && habits[edit.habitID] == nil
  }

  private mutating func makeHabit(
    _ edit: Operation.HabitEdit, by author: Author, now: Instant
  ) throws(Reason) -> OperationOutcome {
    guard edit.fields.isValid else { throw .invalidField }
    guard habitCount < habitsMax else { throw .habitLimit }
    guard hasRoom(for: edit.fields.textBytes + Self.habitRowBytes) else { throw refuseText() }
    let version = nextVersion()
    // Fields that the author did not state are as a device restates them, and no statements.
    let isWhole = edit.changed.count == HabitField.allCases.count
    var habit = HabitState(
      new: edit.fields, createdAt: now, version: version,
      stamp: isWhole && author.ahead == .nothing ? author.stamp : .initial)
    if !isWhole || author.ahead != .nothing {
      var statements = habit.statements
      for field in HabitField.allCases where edit.changed.contains(field) {
        statements.state(edit.fields.text(of: field), of: field, by: author)
      }
      habit.statements = statements
    }
    setHabit(habit, edit.habitID)
    return OperationOutcome(seq: 0, status: .applied, changeNumber: version)
  }

  /// Makes a habit that the server has lost, as a device knows it; without effect if it exists or
  /// is invalid. It is no edit: every statement about the habit wins against it.
  public mutating func restate(_ habit: SyncChanges.Habit, now: Instant) {
    guard habit.fields.isValid, habits[habit.id] == nil, habitCount < habitsMax,
      hasRoom(for: habit.fields.textBytes + Self.habitRowBytes)
    else { return }
    let version = nextVersion()
    if let habitID = habit.aliasOf {
      makeAlias(habit.id, of: self.habitID(meantBy: habitID), habit.fields, stamp: .initial, version: version, now: now)
    } else {
      setHabit(
        HabitState(new: habit.fields, createdAt: now, version: version, stamp: .initial), habit.id)
    }
  }

  /// Deletes a habit; while anything stands of it that the deletion did not know, it is archived
  /// instead.
  mutating func deleteHabit(
    _ habitID: Identifier, by author: Author, now: Instant
  ) throws(Reason) -> OperationOutcome {
    guard var habit = habits[habitID] else { throw .habitNotFound }
    var statements = habit.statements
    let before = statements
    let seen = author.seen.isEverything ? sources.seen(by: nil) : author.seen
    statements.delete(by: author, seen: seen, activity: activity(of: habitID))
    guard statements != before else { return OperationOutcome(seq: 0, status: .applied) }
    let version = nextVersion()
    for replaced in before.deletions where replaced.hasNotice {
      guard !statements.deletions.contains(where: { $0.stamp.id == replaced.stamp.id }) else { continue }
      setNotice(
        Self.deletionNotice(habitID, replaced.stamp.id, version: version, now: now, isResolved: true),
        Notice.id(.deletionConflict, idOfNotices(habitID), loser: replaced.stamp.id))
    }
    habit.statements = statements
    let noticeID = recompute(&habit, habitID, by: author, version: version, now: now)
    return OperationOutcome(
      seq: 0, status: habits[habitID]?.isDeleted == true ? .applied : .superseded, changeNumber: version,
      noticeID: noticeID)
  }

  /// A statement about a day was made: a deletion that did not know it has no effect.
  /// - Parameter activity: The standing statements about the habit's days; nil: they are looked up.
  mutating func noteActivity(
    of habitID: Identifier, by author: Author, activity: [StatementID]? = nil, version: Int64, now: Instant
  ) {
    guard let place = habits.index(forKey: habitID), habits.values[place].hasDeletions else { return }
    var habit = habits.values[place]
    habit.statements.noteActivity(by: author)
    recompute(&habit, habitID, by: author, activity: activity, version: version, now: now)
  }

  /// Computes a habit from its statements, and makes notices of deletions without effect, unless a
  /// field was stated by an author that knew them.
  /// - Returns: The new notice.
  @discardableResult
  mutating func recompute(
    _ habit: inout HabitState, _ habitID: Identifier, by author: Author, activity: [StatementID]? = nil,
    version: Int64, now: Instant
  ) -> Identifier? {
    var statements = habit.statements
    let isDeleted =
      !statements.deletions.isEmpty
      && statements.isDeleted(activity: activity ?? self.activity(of: habitID)) { source in
        // The author's source may be new: it is recorded once the statement is merged.
        source != author.id.source && sources[source] == nil
      }
    var noticeID: Identifier?
    for deletion in statements.deletions {
      let needsNotice = !isDeleted && deletion.isContested && !deletion.isAnswered
      guard needsNotice != deletion.hasNotice else { continue }
      let id = Notice.id(.deletionConflict, idOfNotices(habitID), loser: deletion.stamp.id)
      statements.setNotice(needsNotice, ofDeletion: deletion.stamp.id)
      setNotice(
        Self.deletionNotice(habitID, deletion.stamp.id, version: version, now: now, isResolved: !needsNotice), id)
      if needsNotice { noticeID = noticeID ?? id }
    }
    habit.statements = statements
    if habit.isDeleted && !isDeleted { habit.returnedVersion = version }
    habit.isDeleted = isDeleted
    habit.fields = statements.fields(isDeleted: isDeleted)
    guard habit != habits[habitID] else { return noticeID }
    habit.version = version
    setHabit(habit, habitID)
    return noticeID
  }

  /// The standing statements about a habit's days.
  func activity(of habitID: Identifier) -> [StatementID] {
    var found = loadedActivity[habitID] ?? []
    for (key, cell) in cells where key.habitID == habitID { found += cell.activity }
    return found
  }

  /// The standing statements about the days of several habits.
  func activities(of habitIDs: Set<Identifier>) -> [Identifier: [StatementID]] {
    var found = Dictionary(uniqueKeysWithValues: habitIDs.map { ($0, loadedActivity[$0] ?? []) })
    for (key, cell) in cells where habitIDs.contains(key.habitID) { found[key.habitID]? += cell.activity }
    return found
  }

  private static func deletionNotice(
    _ habitID: Identifier, _ loser: StatementID, version: Int64, now: Instant, isResolved: Bool = false
  ) -> Notice {
    Notice(
      kind: .deletionConflict, habitID: habitID, winningValue: nil, losingValue: nil,
      losingDeviceID: loser.deviceID, madeAt: now, version: version, isResolved: isResolved)
  }

  // MARK: Conflicts

  /// States the chosen value like any statement of it: its author's knowledge decides what it
  /// replaces.
  mutating func resolve(
    _ resolution: Operation.Resolution, by author: Author, deviceID: Identifier, now: Instant
  ) throws(Reason) -> OperationOutcome {
    var outcome = try decideResolution(resolution, by: author, deviceID: deviceID, now: now)
    if closeUnbacked(resolution.noticeID) { outcome.changeNumber = changeNumber }
    return outcome
  }

  /// Closes a notice that came with a document: no losing statement closes it.
  /// - Returns: Whether it was open.
  private mutating func closeUnbacked(_ id: Identifier) -> Bool {
    guard var notice = notices[id], !notice.isResolved, let habit = habits[notice.habitID] else { return false }
    let (kind, habitID) = (notice.kind, idOfNotices(notice.habitID))
    let cell = notice.day.flatMap { cells[CellKey(habitID: notice.habitID, day: $0)]?.statements }
    let key = CellKey(habitID: habitID, day: notice.day ?? Day(0))
    let losers: [Identifier] =
      switch kind {
      case .noteConflict:
        cell?.note.elements.filter(\.hasNotice).map { Notice.id(kind, key, loser: $0.stamp.id) } ?? []
      case .doneConflict: cell?.undos.filter(\.hasNotice).map { Notice.id(kind, key, loser: $0.id) } ?? []
      case .fieldConflict:
        notice.field.map { field in
          habit.statements[field].elements.filter(\.hasNotice)
            .map { Notice.id(kind, habitID, field, loser: $0.stamp.id) }
        } ?? []
      case .deletionConflict:
        habit.statements.deletions.filter(\.hasNotice).map { Notice.id(kind, habitID, loser: $0.stamp.id) }
      case .streakHealed: [id]
      }
    guard !losers.contains(id) else { return false }
    notice.isResolved = true
    notice.version = nextVersion()
    setNotice(notice, id)
    return true
  }

  private mutating func decideResolution(
    _ resolution: Operation.Resolution, by author: Author, deviceID: Identifier, now: Instant
  ) throws(Reason) -> OperationOutcome {
    switch resolution.statement {
    case .setCompletion(let kept) where kept.done:
      if let rejection = DayRules.rejection(day: kept.day, clientTime: kept.clientTime, now: now) { throw rejection }
      guard habits[kept.habitID] != nil else { throw .habitNotFound }
      let key = CellKey(habitID: kept.habitID, day: kept.day)
      return try keepDone(
        key, kept.clientTime, joinedFrom: kept.joinedFrom, by: author, deviceID: deviceID, now: now)
    case .resolveConflict, .setDayStart, .malformed: throw .invalidField
    case let statement?: return try decide(statement, by: author, deviceID: deviceID, now: now)
    case nil: return try resolveByNotice(resolution, by: author, deviceID: deviceID, now: now)
    }
  }

  private mutating func resolveByNotice(
    _ resolution: Operation.Resolution, by author: Author, deviceID: Identifier, now: Instant
  ) throws(Reason) -> OperationOutcome {
    guard let notice = notices[resolution.noticeID] else { throw .conflictNotFound }
    guard let habit = habits[notice.habitID] else { throw .habitNotFound }
    switch notice.kind {
    case .noteConflict, .doneConflict:
      guard let day = notice.day, let cell = cells[CellKey(habitID: notice.habitID, day: day)] else {
        throw .cellNotFound
      }
      let key = CellKey(habitID: notice.habitID, day: day)
      if notice.kind == .noteConflict {
        let winning = cell.statements.note.value(knownTo: author) ?? notice.winningValue?.text
        let text = resolution.takesLosing ? notice.losingValue?.text : winning
        return try setNote(
          Operation.Note(habitID: notice.habitID, day: day, text: text ?? "", clientTime: cell.clientTime), by: author,
          now: now)
      }
      guard resolution.takesLosing else {
        return try keepDone(key, cell.clientTime, by: author, deviceID: deviceID, now: now)
      }
      return try undo(
        Operation.Completion(habitID: notice.habitID, day: day, done: false, clientTime: cell.clientTime), by: author,
        now: now)
    case .fieldConflict:
      guard let field = notice.field else { throw .conflictNotFound }
      let winning = habit.statements[field].value(knownTo: author) ?? notice.winningValue?.text
      var fields = habit.fields
      fields.set(field, text: (resolution.takesLosing ? notice.losingValue?.text : winning) ?? "")
      return try editHabit(
        Operation.HabitEdit(habitID: notice.habitID, fields: fields, changed: [field]), by: author, now: now)
    case .deletionConflict where resolution.takesLosing: return try deleteHabit(notice.habitID, by: author, now: now)
    case .deletionConflict:
      var fields = habit.fields
      fields.archived = true
      return try editHabit(
        Operation.HabitEdit(habitID: notice.habitID, fields: fields, changed: [.archived]), by: author, now: now)
    case .streakHealed: return OperationOutcome(seq: 0, status: .applied)
    }
  }

  /// "Done after all": it has the trust of the completions that its author knew as standing, or
  /// that undos known to the author took back. Until one of them arrives it is judged as a
  /// completion.
  private mutating func keepDone(
    _ key: CellKey, _ clientTime: ClientTime, joinedFrom: Identifier? = nil, by author: Author, deviceID: Identifier,
    now: Instant
  ) throws(Reason) -> OperationOutcome {
    let before = cells[key]?.statements ?? DayStatements()
    var statements = before
    let trust =
      statements.keptTrust(of: author)
      ?? CompletionTrust(sources.claim(key.day, of: deviceID, clientTime: clientTime, now: now))
    changes.isHeadChanged = true
    statements.complete(by: author, trust: trust, isKept: true, joinedFrom: joinedFrom)
    return try store(statements, replacing: before, key, by: author, clientTime: clientTime, now: now)
  }
}
