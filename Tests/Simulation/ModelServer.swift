import StreakDomain

/// A server without I/O: the real rules on people's whole state, kept in memory. What it decides is durable at once, until `restore`.
struct ModelServer {
  struct Person {
    var ledger: PersonLedger
    /// Every operation with its outcome, by device and number.
    var decided: [Identifier: [Int64: (operation: Operation, outcome: OperationOutcome)]] = [:]
    var acknowledged: [Identifier: Set<Identifier>] = [:]
  }

  enum Refusal: Error, Equatable {
    case accountMismatch
    case gap(expected: Int64)
    case reused
    case deviceUnknown
    case unavailable
  }

  private(set) var people: [Identifier: Person] = [:]
  private var nextID: UInt64 = 0
  private var epochOfNobody: Int64 = 1
  var isUp = true

  private mutating func makeID() -> Identifier {
    nextID += 1
    return Identifier(high: 77, low: nextID)
  }

  mutating func signUp(_ userID: Identifier) {
    let epoch = people.values.first?.ledger.epoch ?? epochOfNobody
    people[userID] = Person(ledger: PersonLedger(epoch: epoch))
  }

  /// Makes a session part of an account.
  mutating func migrate(
    _ plan: MigrationPlan, migrationID: Identifier, into userID: Identifier, now: Int64
  ) throws -> [HabitMatching.Match] {
    guard var person = people[userID] else { throw Refusal.deviceUnknown }
    let captured = plan.habits.map { (id: Identifier($0.captured.id) ?? .zero, name: $0.captured.name) }
    let matching = try HabitMatching(captured, account: person.ledger.habits)
    _ = person.ledger.migrate(plan, matching: matching, migrationID: migrationID, now: now) { makeID() }
    settle(&person, userID, now: now)
    return matching.matches
  }

  /// Ends a change and keeps it.
  private mutating func settle(_ person: inout Person, _ userID: Identifier, now: Int64) {
    if let before = people[userID]?.ledger { person.ledger.completeStale(from: before) }
    person.ledger.settle(now: now) { makeID() }
    person.ledger.commit()
    people[userID] = person
  }

  mutating func register(_ deviceID: Identifier, of userID: Identifier, now: Int64) {
    people[userID]?.ledger.load(
      device: DeviceProgress(catchUp: CatchUp(caughtUpAtMilliseconds: now)), id: deviceID)
  }

  /// Goes back to what an earlier copy of this server held; a new epoch begins.
  mutating func restore(_ copy: ModelServer) {
    let epoch = (people.values.first?.ledger.epoch ?? 0) + 1
    let id = nextID
    self = copy
    nextID = id
    epochOfNobody = epoch
    for (userID, person) in copy.people { people[userID]?.ledger = person.ledger.inEpoch(epoch) }
  }

  /// Answers a submission sent with the credentials of `userID` and `deviceID`.
  mutating func sync(
    _ submission: SyncSubmission, userID: Identifier, deviceID: Identifier, now: Int64, pageSize: Int
  ) -> Result<SyncChanges, Refusal> {
    guard isUp else { return .failure(.unavailable) }
    guard submission.userID == userID else { return .failure(.accountMismatch) }
    guard var person = people[userID], let device = person.ledger.devices[deviceID] else {
      return .failure(.deviceUnknown)
    }
    var outcomes: [OperationOutcome] = []
    if let first = submission.operations.first?.seq {
      guard first <= device.lastSeq + 1 else { return .failure(.gap(expected: device.lastSeq + 1)) }
      for operation in submission.operations where operation.seq <= device.lastSeq {
        guard let known = person.decided[deviceID]?[operation.seq], known.operation == operation else {
          return .failure(.reused)
        }
        outcomes.append(known.outcome)
      }
    }
    for operation in submission.operations.dropFirst(outcomes.count) {
      let outcome = person.ledger.apply(operation, by: deviceID, now: now) { makeID() }
      precondition(person.decided[deviceID]?[operation.seq] == nil, "an operation was decided twice")
      person.decided[deviceID, default: [:]][operation.seq] = (operation, outcome)
      person.ledger.advance(deviceID: deviceID, to: operation.seq)
      outcomes.append(outcome)
    }
    if submission.nothingLeft { person.ledger.finishCatchUp(of: deviceID, now: now) }
    settle(&person, userID, now: now)
    var changes = pull(person, submission.cursor, submission.resume, for: deviceID, pageSize: pageSize)
    changes.outcomes = outcomes
    return .success(changes)
  }

  /// What has changed since a cursor, a page at a time, as `StreakStore.pull` gives it.
  private func pull(
    _ person: Person, _ cursor: Cursor, _ resume: [UInt8], for deviceID: Identifier, pageSize: Int
  ) -> SyncChanges {
    let ledger = person.ledger
    let isKnown = cursor.epoch == ledger.epoch && (0...ledger.changeNumber).contains(cursor.changeNumber)
    var since = isKnown ? cursor.changeNumber : 0
    let start = Place(head: 0, version: 0, key: nil)
    var place = isKnown ? Place(resume) ?? Place(head: since, version: since, key: nil) : start
    var isReset = !isKnown && cursor != .start
    if since > 0 || !resume.isEmpty,
      ledger.habits.values.contains(where: { !$0.isDeleted && $0.returnedVersion > place.head })
    {
      since = 0
      place = start
      isReset = true
    }
    var changes = SyncChanges(cursor: Cursor(epoch: ledger.epoch, changeNumber: since))
    changes.isReset = isReset
    for (id, habit) in ledger.habits where habit.version > place.head {
      if !habit.isDeleted {
        changes.habits.append(SyncChanges.Habit(id: id, fields: habit.fields))
      } else if place.head > 0 {
        changes.deletedHabits.append(id)
      }
    }
    for (id, notice) in ledger.notices where notice.version > place.head {
      if place.head == 0 && notice.isResolved || person.acknowledged[deviceID]?.contains(id) == true { continue }
      changes.notices.append(SyncChanges.Told(id: id, notice: notice))
    }
    let waiting = ledger.cells.filter { key, cell in
      ledger.habits[key.habitID]?.isDeleted == false && place.isBefore(cell.stamp.version, key)
    }.sorted { ($0.value.stamp.version, $0.key) < ($1.value.stamp.version, $1.key) }
    changes.cells = waiting.prefix(pageSize).map {
      SyncChanges.Cell(key: $0.key, cell: $0.value.cell, version: $0.value.stamp.version)
    }
    if waiting.count > pageSize, let last = waiting.prefix(pageSize).last {
      changes.hasMore = true
      changes.resume = Place(head: ledger.changeNumber, version: last.value.stamp.version, key: last.key).bytes
    } else {
      changes.cursor.changeNumber = ledger.changeNumber
      changes.digest = ledger.digest
    }
    return changes
  }

  private struct Place {
    var head: Int64
    var version: Int64
    /// Nil: after everything of that version.
    var key: CellKey?

    init(head: Int64, version: Int64, key: CellKey?) {
      self.head = head
      self.version = version
      self.key = key
    }

    init?(_ bytes: [UInt8]) {
      guard bytes.count == 36 else { return nil }
      func number(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
      self.init(
        head: Int64(number(0..<8)), version: Int64(number(8..<16)),
        key: CellKey(
          habitID: Identifier(high: number(16..<24), low: number(24..<32)),
          day: Day(Int32(truncatingIfNeeded: Int64(number(32..<36))))))
    }

    var bytes: [UInt8] {
      guard let key else { return [] }
      let numbers = [UInt64(head), UInt64(version), key.habitID.high, key.habitID.low]
      return numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }
        + (0..<4).map { UInt8(truncatingIfNeeded: key.day.number >> (24 - 8 * $0)) }
    }

    func isBefore(_ version: Int64, _ key: CellKey) -> Bool {
      guard let own = self.key else { return version > self.version }
      return (self.version, own) < (version, key)
    }
  }
}

extension PersonLedger {
  /// The same state in another life of the database.
  fileprivate func inEpoch(_ epoch: Int64) -> PersonLedger {
    var ledger = PersonLedger(
      epoch: epoch, changeNumber: changeNumber, zones: zones, digest: digest, habitCount: habitCount)
    for (id, habit) in habits { ledger.load(habit: habit, id: id) }
    for (key, cell) in cells { ledger.load(cell: cell, key: key) }
    for (id, notice) in notices { ledger.load(notice: notice, id: id) }
    for (id, device) in devices { ledger.load(device: device, id: id) }
    return ledger
  }
}
