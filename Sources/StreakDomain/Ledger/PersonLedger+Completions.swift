extension PersonLedger {
  // MARK: Done

  /// "Done", perhaps with a note.
  mutating func complete(
    _ wanted: Operation.Completion, by author: Author, deviceID: Identifier, now: Instant
  ) throws(Reason) -> OperationOutcome {
    guard (wanted.note?.utf8.count ?? 0) <= DayRules.noteBytesMax else { throw .invalidField }
    if let rejection = DayRules.rejection(day: wanted.day, clientTime: wanted.clientTime, now: now) {
      throw rejection
    }
    guard habits[wanted.habitID] != nil else { throw .habitNotFound }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    let previous = cells[key]
    let trust =
      previous?.details?.inheritedTrust(of: author)
      ?? CompletionTrust(sources.claim(wanted.day, of: deviceID, clientTime: wanted.clientTime, now: now))
    changes.isHeadChanged = true
    zones.note(wanted.clientTime, now: now)
    if wanted.joinedFrom == nil, CellState.replaces(previous, doneBy: author, trust: trust, note: wanted.note),
      wanted.note.map({ hasRoom(for: $0, of: key) }) ?? true
    {
      let version = nextVersion()
      try setCell(key, last: author.stamp, clientTime: wanted.clientTime, recordedAt: now, version: version) { state in
        state.takeDone(author.stamp, trust: trust, note: wanted.note)
      }
      noteActivity(of: key.habitID, by: author, version: version, now: now)
      return OperationOutcome(seq: 0, status: .applied, changeNumber: version, trust: cells[key]?.cell.trust)
    }
    let before = previous?.statements ?? DayStatements()
    var statements = before
    statements.complete(by: author, trust: trust, joinedFrom: wanted.joinedFrom)
    var refusal: Reason?
    if let note = wanted.note {
      if hasRoom(for: note, of: key) { statements.note.state(note, by: author) } else { refusal = refuseText() }
    }
    var outcome = try store(statements, replacing: before, key, by: author, clientTime: wanted.clientTime, now: now)
    outcome.rejection = refusal
    return outcome
  }

  // MARK: Undone

  /// "Not done".
  mutating func undo(
    _ wanted: Operation.Completion, by author: Author, now: Instant
  ) throws(Reason) -> OperationOutcome {
    guard DayRules.isWellFormed(day: wanted.day, clientTime: wanted.clientTime) else { throw .invalidField }
    guard (wanted.undone?.count ?? 0) <= DayStatements.undoneMax else { throw .invalidField }
    guard habits[wanted.habitID] != nil else { throw .habitNotFound }
    if DayRules.isSealed(day: wanted.day, today: DayRules.judgedDay(wanted.clientTime, at: now)) { throw .daySealed }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    let isDirect = author.id.source == StatementID.directCalls
    if isDirect && cells[key] == nil { throw .cellNotFound }
    let before = cells[key]?.statements ?? DayStatements()
    var statements = before
    let names =
      wanted.undone?.map { statements.present($0, of: wanted.joinedFrom) } ?? statements.standing(knownTo: author)
    zones.note(wanted.clientTime, now: now)
    statements.undo(names, by: author)
    return try store(statements, replacing: before, key, by: author, clientTime: wanted.clientTime, now: now)
  }

  // MARK: Notes

  /// Another note of a day, or none.
  mutating func setNote(
    _ wanted: Operation.Note, by author: Author, now: Instant
  ) throws(Reason) -> OperationOutcome {
    guard wanted.text.utf8.count <= DayRules.noteBytesMax,
      DayRules.isWellFormed(day: wanted.day, clientTime: wanted.clientTime)
    else { throw .invalidField }
    if wanted.day > DayRules.latestToday(now: now) { throw .futureDay }
    guard habits[wanted.habitID] != nil else { throw .habitNotFound }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    guard hasRoom(for: wanted.text, of: key) else { throw refuseText() }
    let before = cells[key]?.statements ?? DayStatements()
    var statements = before
    statements.note.state(wanted.text, by: author)
    var outcome = try store(statements, replacing: before, key, by: author, clientTime: wanted.clientTime, now: now)
    // A losing note is in a notice; one that was replaced before it arrived is not concurrent with
    // anything.
    if statements.note.conflicting.contains(where: { $0.stamp.id == author.id }) { outcome.status = .superseded }
    outcome.trust = nil
    return outcome
  }

  // MARK: Merging

  /// Stores the result of a statement about a day, makes notices of conflicts, and restores a
  /// deleted habit if its deletion did not know the statement.
  mutating func store(
    _ merged: DayStatements, replacing before: DayStatements, _ key: CellKey, by author: Author, clientTime: ClientTime,
    now: Instant
  ) throws(Reason) -> OperationOutcome {
    var merged = merged
    guard merged != before else {
      return OperationOutcome(seq: 0, status: .applied, trust: cells[key]?.cell.trust)
    }
    let version = nextVersion()
    var noticeID = updateDoneNotices(key, &merged, version: version, now: now)
    let noteNoticeID = updateConflictNotices(
      of: before.note, &merged.note, about: .note(key), version: version, now: now)
    noticeID = noticeID ?? noteNoticeID
    try setCell(key, merged, last: author.stamp, clientTime: clientTime, recordedAt: now, version: version)
    let isUndo = merged.undos.contains { $0.id == author.id }
    if !isUndo { noteActivity(of: key.habitID, by: author, version: version, now: now) }
    return OperationOutcome(
      seq: 0, status: merged.lostUndos.contains(author.id) ? .superseded : .applied, changeNumber: version,
      trust: cells[key]?.cell.trust, noticeID: noticeID)
  }

  /// Makes notices of losing undos (`DayStatements.lostUndos`), and closes notices without a
  /// conflict.
  /// - Returns: The new notice.
  mutating func updateDoneNotices(
    _ key: CellKey, _ merged: inout DayStatements, version: Int64, now: Instant
  ) -> Identifier? {
    guard !merged.undos.isEmpty else { return nil }
    let lost = merged.lostUndos
    var noticeID: Identifier?
    for index in merged.undos.indices {
      let undo = merged.undos[index].id
      let isLost = lost.contains(undo)
      guard merged.undos[index].hasNotice != isLost else { continue }
      merged.undos[index].hasNotice = isLost
      let id = Notice.id(.doneConflict, placeOfNotices(key), loser: undo)
      setNotice(
        Notice(
          kind: .doneConflict, habitID: key.habitID, day: key.day, winningValue: .flag(merged.isDone),
          losingValue: .flag(false), losingDeviceID: undo.deviceID, madeAt: now, version: version,
          isResolved: !isLost), id)
      if isLost { noticeID = noticeID ?? id }
    }
    return noticeID
  }

  /// The id from which the ids of a habit's notices derive.
  func idOfNotices(_ habitID: Identifier) -> Identifier { habits[habitID]?.firstID ?? habitID }

  private func placeOfNotices(_ key: CellKey) -> CellKey {
    CellKey(habitID: idOfNotices(key.habitID), day: key.day)
  }

  /// The subject of a register.
  enum RegisterPlace {
    case note(CellKey)
    case field(Identifier, HabitField)
  }

  /// Makes notices of a register's losing values, updates the winner in them, and closes notices
  /// without a conflict.
  /// - Returns: The new notice.
  mutating func updateConflictNotices(
    of before: Register<String>, _ register: inout Register<String>, about place: RegisterPlace, version: Int64,
    now: Instant
  ) -> Identifier? {
    guard register.elements.count > 1 || before.elements.count > 1 else { return nil }
    let winner = register.winner
    func set(_ element: Register<String>.Element, isResolved: Bool) -> Identifier {
      let winning = winner?.value ?? ""
      let replacedBytes =
        element.hasNotice ? element.value.utf8.count + (before.winner?.value.utf8.count ?? 0) : nil
      switch place {
      case .note(let key):
        let id = Notice.id(.noteConflict, placeOfNotices(key), loser: element.stamp.id)
        setNotice(
          Notice(
            kind: .noteConflict, habitID: key.habitID, day: key.day, winningValue: .text(winning),
            losingValue: .text(element.value), losingDeviceID: element.stamp.id.deviceID, madeAt: now, version: version,
            isResolved: isResolved), id, replacedBytes: replacedBytes)
        return id
      case .field(let habitID, let field):
        let form = Notice.Form(.fieldConflict, field)
        let id = Notice.id(.fieldConflict, idOfNotices(habitID), field, loser: element.stamp.id)
        setNotice(
          Notice(
            kind: .fieldConflict, habitID: habitID, field: field, winningValue: Notice.Value(winning, form),
            losingValue: Notice.Value(element.value, form), losingDeviceID: element.stamp.id.deviceID, madeAt: now,
            version: version,
            isResolved: isResolved), id, replacedBytes: replacedBytes)
        return id
      }
    }
    let conflicting = Array(register.conflicting)
    for element in before.elements where element.hasNotice {
      guard !conflicting.contains(where: { $0.stamp.id == element.stamp.id }) else { continue }
      _ = set(element, isResolved: true)
      register.setNotice(false, of: element.stamp.id)
    }
    var noticeID: Identifier?
    for element in conflicting {
      if element.hasNotice {
        if before.winner?.value != winner?.value { _ = set(element, isResolved: false) }
        continue
      }
      let id = set(element, isResolved: false)
      register.setNotice(true, of: element.stamp.id)
      noticeID = noticeID ?? id
    }
    return noticeID
  }

  // MARK: Direct calls

  /// A direct call that repeats the last statement of direct calls changes nothing: clients repeat
  /// it after a lost reply. Another one states an existing value anew: a concurrent statement that
  /// arrives later meets it.
  func changesNothing(_ change: Operation.Change, now: Instant) -> Bool {
    switch change {
    case .setCompletion(let wanted):
      guard let state = cells[CellKey(habitID: wanted.habitID, day: wanted.day)], state.cell.done == wanted.done else {
        return false
      }
      if !wanted.done { return DayRules.isWellFormed(day: wanted.day, clientTime: wanted.clientTime) }
      return isLastDirectCall(state) && state.clientTime == wanted.clientTime && state.cell.trust == .counted
        && (wanted.note ?? state.cell.note) == state.cell.note && !isDeleted(wanted.habitID)
        && DayRules.rejection(day: wanted.day, clientTime: wanted.clientTime, now: now) == nil
    case .setNote(let wanted):
      guard let state = cells[CellKey(habitID: wanted.habitID, day: wanted.day)], isLastDirectCall(state) else {
        return false
      }
      return state.clientTime == wanted.clientTime && state.cell.note == wanted.text && !isDeleted(wanted.habitID)
        && DayRules.isWellFormed(day: wanted.day, clientTime: wanted.clientTime)
    case .editHabit(let edit):
      guard let habit = habits[edit.habitID], !habit.isDeleted else { return false }
      return edit.changed.allSatisfy { field in
        let elements = habit.statements[field].elements
        let value = edit.fields.text(of: field)
        // A habit may be archived by a deletion, beside what was stated of that.
        return elements.count == 1 && elements[0].stamp.id.source == StatementID.directCalls
          && elements[0].value == value && habit.fields.text(of: field) == value
      }
    case .deleteHabit(let habitID): return habits[habitID]?.isDeleted ?? false
    case .resolveConflict, .setDayStart, .malformed: return false
    }
  }

  private func isLastDirectCall(_ state: CellState) -> Bool { state.stamp.id.source == StatementID.directCalls }

  /// A statement about a deleted habit's day restores the habit.
  private func isDeleted(_ habitID: Identifier) -> Bool { habits[habitID]?.isDeleted ?? false }
}
