extension PersonLedger {
  /// "Done" or "not done after all".
  mutating func setCompletion(
    _ wanted: Operation.Completion, by author: Author, now: Int64, makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    guard wanted.note.utf8.count <= CapturedSession.noteBytesMax else { throw .malformed }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    return wanted.done
      ? try complete(wanted, key, by: author, now: now, makeID: makeID)
      : try undo(wanted, key, by: author, now: now, makeID: makeID)
  }

  private func today(_ made: LocalTime, now: Int64) -> Day {
    min(zones.today(now: now), made.day(atMilliseconds: now))
  }

  // MARK: Done

  private mutating func complete(
    _ wanted: Operation.Completion, _ key: CellKey, by author: Author, now: Int64, makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    if let rejection = DayRules.rejection(day: wanted.day, made: wanted.made, now: now) {
      throw OperationRejection(rejection)
    }
    guard habits[wanted.habitID] != nil else { throw .habitNotFound }
    let existing = cells[key]
    let trust = trust(of: wanted, existing, by: author, now: now)
    zones.note(wanted.made, now: now)
    let merge = Self.merge(wanted, into: existing, trust: trust, by: author)
    let isRevival = habits[wanted.habitID]?.isDeleted == true
    guard merge.cell != existing?.cell || !merge.conflicts.isEmpty || isRevival else {
      return OperationOutcome(seq: 0, status: .applied, trust: trust)
    }
    let version = nextVersion()
    if isRevival { revive(wanted.habitID, version: version, by: author, now: now, makeID: makeID) }
    if merge.cell != existing?.cell {
      setCell(
        CellState(
          cell: merge.cell, stamp: Stamp(version: version, time: merge.time, deviceID: merge.deviceID),
          made: wanted.made, recordedAtMilliseconds: now), key)
    }
    var noticeID: Identifier?
    for conflict in merge.conflicts {
      let id = makeID()
      noticeID = noticeID ?? id
      setNotice(
        Notice(
          kind: conflict.kind, habitID: key.habitID, day: key.day, kept: conflict.kept, other: conflict.other,
          otherDeviceID: conflict.loser, madeAtMilliseconds: now, version: version), id)
    }
    return OperationOutcome(
      seq: 0, status: merge.holds ? .applied : .superseded, changeNumber: version, trust: trust, noticeID: noticeID)
  }

  /// A day is worth what its first claim is worth: a later note, or undo and redo, neither raise nor lower it. Only another device's claim, which
  /// would count by itself, raises it: it may have been made in time and arrived late.
  private mutating func trust(
    of wanted: Operation.Completion, _ existing: CellState?, by author: Author, now: Int64
  ) -> CellTrust {
    guard let existing else { return claim(wanted, by: author, now: now) }
    switch existing.cell.trust {
    case .quarantined(.backfill), .quarantined(.tooOld), .quarantined(.zoneHop):
      guard existing.stamp.deviceID != author.deviceID, claim(wanted, by: author, now: now) == .counted else {
        return existing.cell.trust
      }
      return .counted
    case .counted, .quarantined: return existing.cell.trust
    }
  }

  private mutating func claim(_ wanted: Operation.Completion, by author: Author, now: Int64) -> CellTrust {
    let today = today(wanted.made, now: now)
    guard let deviceID = author.deviceID, var device = devices[deviceID] else {
      return DayRules.trust(day: wanted.day, today: today, caughtUpDay: today)
    }
    let trust = device.catchUp.claim(wanted.day, made: wanted.made, today: today, now: now)
    if device != devices[deviceID] {
      devices[deviceID] = device
      changes.devices.insert(deviceID)
    }
    return trust
  }

  /// What a completion and the cell it meets come to.
  private struct Merge {
    var cell: LedgerCell
    var time: HybridTime
    var deviceID: Identifier?
    /// The completion's values hold.
    var holds: Bool
    var conflicts: [(kind: Notice.Kind, kept: String, other: String, loser: Identifier?)] = []
  }

  private static func merge(
    _ wanted: Operation.Completion, into existing: CellState?, trust: CellTrust, by author: Author
  ) -> Merge {
    var merge = Merge(
      cell: LedgerCell(done: true, note: wanted.note, trust: trust), time: author.time, deviceID: author.deviceID,
      holds: true)
    guard let existing else { return merge }
    if existing.stamp.isSeen(by: author) {
      merge.time = max(author.time, existing.stamp.time.successor)
      return merge
    }
    // Concurrent edits: done wins, and of two notes the later one; a note is not lost to none.
    merge.time = max(author.time, existing.stamp.time)
    if !existing.cell.done {
      merge.conflicts.append((.doneConflict, "true", "false", existing.stamp.deviceID))
    }
    let note = existing.cell.note
    if wanted.note.isEmpty || note.isEmpty || note == wanted.note {
      merge.cell.note = wanted.note.isEmpty ? note : wanted.note
      if wanted.note.isEmpty && !note.isEmpty { merge.deviceID = existing.stamp.deviceID }
    } else if existing.stamp.loses(to: author) {
      merge.conflicts.append((.noteConflict, wanted.note, note, existing.stamp.deviceID))
    } else {
      merge.cell.note = note
      merge.deviceID = existing.stamp.deviceID
      merge.holds = false
      merge.conflicts.append((.noteConflict, note, wanted.note, author.deviceID))
    }
    return merge
  }

  // MARK: Undone

  private mutating func undo(
    _ wanted: Operation.Completion, _ key: CellKey, by author: Author, now: Int64, makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    if DayRules.malformedField(day: wanted.day, made: wanted.made) != nil { throw .malformed }
    guard habits[wanted.habitID] != nil else { throw .habitNotFound }
    guard let existing = cells[key] else { throw .cellNotFound }
    let trust = existing.cell.trust
    guard existing.cell.done else { return OperationOutcome(seq: 0, status: .applied, trust: trust) }
    if DayRules.isSealed(day: wanted.day, today: today(wanted.made, now: now)) { throw .daySealed }
    zones.note(wanted.made, now: now)
    let version = nextVersion()
    guard existing.stamp.isSeen(by: author) else {
      let id = makeID()
      setNotice(
        Notice(
          kind: .doneConflict, habitID: key.habitID, day: key.day, kept: "true", other: "false",
          otherDeviceID: author.deviceID, madeAtMilliseconds: now, version: version), id)
      return OperationOutcome(seq: 0, status: .superseded, changeNumber: version, trust: trust, noticeID: id)
    }
    var cell = existing.cell
    cell.done = false
    setCell(
      CellState(
        cell: cell,
        stamp: Stamp(
          version: version, time: max(author.time, existing.stamp.time.successor), deviceID: author.deviceID),
        made: wanted.made, recordedAtMilliseconds: now, migrationID: existing.migrationID), key)
    return OperationOutcome(seq: 0, status: .applied, changeNumber: version, trust: trust)
  }
}
