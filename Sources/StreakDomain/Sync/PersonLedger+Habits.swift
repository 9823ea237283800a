extension PersonLedger {
  /// Makes a habit, or changes some of its fields.
  mutating func editHabit(
    _ edit: Operation.HabitEdit, by author: Author, now: Int64, makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    guard var habit = habits[edit.habitID] else { return try makeHabit(edit, by: author, now: now) }
    var fields = habit.fields
    for field in edit.changed { fields.take(field, from: edit.fields) }
    guard fields.isValid else { throw .malformed }
    let wasSeen = habit.version <= author.seenChangeNumber
    if habit.isDeleted && habitCount >= habitsMax { throw .habitLimit }

    let version = changeNumber + 1
    var lost: (field: HabitField, kept: String, other: String, loser: Identifier?)?
    var holds = true
    var isChanged = false
    for field in HabitField.allCases where edit.changed.contains(field) {
      let (stamp, value, other) = (habit.stamp(of: field), edit.fields.text(of: field), habit.fields.text(of: field))
      guard value != other else { continue }
      let isSeen = stamp.isSeen(by: author)
      guard isSeen || stamp.loses(to: author) else {
        holds = false
        lost = lost ?? (field, other, value, author.deviceID)
        continue
      }
      if !isSeen { lost = lost ?? (field, value, other, stamp.deviceID) }
      habit.fields.take(field, from: edit.fields)
      let time = isSeen ? max(author.time, stamp.time.successor) : author.time
      habit.setStamp(of: field, Stamp(version: version, time: time, deviceID: author.deviceID))
      isChanged = true
    }
    let isRevival = habit.isDeleted
    guard isChanged || isRevival || lost != nil else { return OperationOutcome(seq: 0, status: .applied) }
    _ = nextVersion()
    if isChanged {
      habit.version = version
      setHabit(habit, edit.habitID)
    }
    var noticeID: Identifier?
    if isRevival {
      if wasSeen {
        bringBack(edit.habitID, version: version, archived: edit.fields.archived, by: author)
      } else {
        noticeID = revive(edit.habitID, version: version, by: author, now: now, makeID: makeID)
      }
    } else if let lost {
      let id = makeID()
      setNotice(
        Notice(
          kind: .fieldConflict, habitID: edit.habitID, field: lost.field, kept: lost.kept, other: lost.other,
          otherDeviceID: lost.loser, madeAtMilliseconds: now, version: version), id)
      noticeID = id
    }
    return OperationOutcome(
      seq: 0, status: holds ? .applied : .superseded, changeNumber: version, noticeID: noticeID)
  }

  private mutating func makeHabit(
    _ edit: Operation.HabitEdit, by author: Author, now: Int64
  ) throws(OperationRejection) -> OperationOutcome {
    guard edit.fields.isValid else { throw .malformed }
    guard habitCount < habitsMax else { throw .habitLimit }
    let version = nextVersion()
    setHabit(
      HabitState(
        made: edit.fields, createdAtMilliseconds: now,
        stamp: Stamp(version: version, time: author.time, deviceID: author.deviceID)), edit.habitID)
    return OperationOutcome(seq: 0, status: .applied, changeNumber: version)
  }

  /// Deletes a habit; if another device has changed or completed it meanwhile, it is archived instead.
  mutating func deleteHabit(
    _ habitID: Identifier, by author: Author, now: Int64, makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    guard var habit = habits[habitID] else { throw .habitNotFound }
    guard !habit.isDeleted else { return OperationOutcome(seq: 0, status: .applied) }
    let version = nextVersion()
    habit.version = version
    guard habit.hasUnseenChange(by: author) else {
      habit.isDeleted = true
      setHabit(habit, habitID)
      return OperationOutcome(seq: 0, status: .applied, changeNumber: version)
    }
    if !habit.fields.archived {
      habit.fields.archived = true
      habit.setStamp(of: .archived, Stamp(version: version, time: author.time, deviceID: author.deviceID))
      setHabit(habit, habitID)
    }
    let id = makeID()
    setNotice(Self.deletionNotice(habitID, loser: author.deviceID, version: version, now: now), id)
    return OperationOutcome(seq: 0, status: .superseded, changeNumber: version, noticeID: id)
  }

  /// Brings a deleted habit back, archived, because somebody who did not know of the deletion goes on with it.
  /// - Returns: The id of the notice; nil if the author had seen the deletion.
  @discardableResult
  mutating func revive(
    _ habitID: Identifier, version: Int64, by author: Author, now: Int64, makeID: () -> Identifier
  ) -> Identifier? {
    guard let habit = habits[habitID] else { return nil }
    let wasSeen = habit.version <= author.seenChangeNumber
    bringBack(habitID, version: version, archived: true, by: author)
    guard !wasSeen else { return nil }
    let id = makeID()
    setNotice(Self.deletionNotice(habitID, loser: nil, version: version, now: now), id)
    return id
  }

  private mutating func bringBack(_ habitID: Identifier, version: Int64, archived: Bool, by author: Author) {
    guard var habit = habits[habitID] else { return }
    habit.isDeleted = false
    habit.version = version
    habit.returnedVersion = version
    if habit.fields.archived != archived {
      habit.fields.archived = archived
      habit.setStamp(of: .archived, Stamp(version: version, time: author.time, deviceID: author.deviceID))
    }
    setHabit(habit, habitID)
  }

  private static func deletionNotice(_ habitID: Identifier, loser: Identifier?, version: Int64, now: Int64) -> Notice {
    Notice(
      kind: .deletionConflict, habitID: habitID, kept: "archived", other: "deleted", otherDeviceID: loser,
      madeAtMilliseconds: now, version: version)
  }

  // MARK: Conflicts

  /// Picks a side of a conflict. The second to do so changes nothing.
  mutating func resolve(
    _ resolution: Operation.Resolution, by author: Author, now: Int64
  ) throws(OperationRejection) -> OperationOutcome {
    guard var notice = notices[resolution.noticeID] else { throw .conflictNotFound }
    guard !notice.isResolved else { return OperationOutcome(seq: 0, status: .superseded) }
    let version = changeNumber + 1
    if resolution.takesOther { try takeOther(of: notice, version: version, by: author, now: now) }
    _ = nextVersion()
    notice.isResolved = true
    notice.version = version
    if resolution.takesOther { swap(&notice.kept, &notice.other) }
    setNotice(notice, resolution.noticeID)
    return OperationOutcome(seq: 0, status: .applied, changeNumber: version)
  }

  private mutating func takeOther(
    of notice: Notice, version: Int64, by author: Author, now: Int64
  ) throws(OperationRejection) {
    switch notice.kind {
    case .noteConflict, .doneConflict:
      guard let day = notice.day else { return }
      let key = CellKey(habitID: notice.habitID, day: day)
      guard habits[notice.habitID] != nil, var state = cells[key] else { throw .cellNotFound }
      if notice.kind == .noteConflict {
        state.cell.note = notice.other
      } else {
        let done = notice.other == "true"
        if !done && DayRules.isSealed(day: day, today: zones.today(now: now)) { throw .daySealed }
        state.cell.done = done
      }
      guard state.cell != cells[key]?.cell else { return }
      state.stamp = Stamp(
        version: version, time: max(author.time, state.stamp.time.successor), deviceID: author.deviceID)
      state.recordedAtMilliseconds = now
      setCell(state, key)
    case .fieldConflict:
      guard let field = notice.field, var habit = habits[notice.habitID] else { throw .habitNotFound }
      habit.fields.set(field, text: notice.other)
      habit.setStamp(
        of: field,
        Stamp(
          version: version, time: max(author.time, habit.stamp(of: field).time.successor), deviceID: author.deviceID))
      habit.version = version
      setHabit(habit, notice.habitID)
    case .deletionConflict:
      guard var habit = habits[notice.habitID] else { throw .habitNotFound }
      habit.isDeleted = true
      habit.version = version
      setHabit(habit, notice.habitID)
    case .streakHealed: break
    }
  }
}

extension HabitState {
  func stamp(of field: HabitField) -> Stamp { stamps[field.rawValue - 1] }

  mutating func setStamp(of field: HabitField, _ stamp: Stamp) { stamps[field.rawValue - 1] = stamp }
}
