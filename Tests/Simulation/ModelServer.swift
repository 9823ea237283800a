@testable import StreakDomain
import TestSupport

/// A server without I/O: the real rules on users' whole states, in memory. Its decisions are
/// durable at once, until it is restored, fails over or returns to an earlier epoch.
struct ModelServer {
  struct Person {
    var ledger: PersonLedger
    /// All operations with their outcomes, by device and number.
    var decided: [Identifier: [Int64: (operation: Operation, outcome: OperationOutcome)]] = [:]
    var acknowledged: [Identifier: Set<Identifier>] = [:]
  }

  enum Refusal: Error, Equatable {
    case accountMismatch
    case gap(expected: Int64)
    case reused
    case cursorInvalid
    case deviceUnknown
    /// This server was restored to a moment before the account was made.
    case accountUnknown
    case unavailable
  }

  private(set) var people: [Identifier: Person] = [:]
  private(set) var epoch = Epoch(number: 1, bits: 1)
  private var nextID: UInt64 = 0
  var isUp = true
  /// Requests are served by a read-only copy that lacks the last commits.
  var isReadOnly = false

  private mutating func makeID() -> Identifier {
    nextID += 1
    return Identifier(high: 77, low: nextID)
  }

  mutating func signUp(_ userID: Identifier, now: Instant) {
    people[userID] = Person(ledger: PersonLedger(epoch: epoch, firstDay: DayRules.firstDay(createdAt: now)))
  }

  /// Migrates a session into an account.
  mutating func migrate(
    _ plan: MigrationPlan, map: [(capturedID: Identifier, habitID: Identifier)], migrationID: Identifier,
    into userID: Identifier, isNewAccount: Bool, now: Instant
  ) throws -> [HabitMatching.Match] {
    guard var person = people[userID] else { throw Refusal.accountUnknown }
    let captured = plan.habits.map { (id: $0.captured.id, name: $0.captured.fields.name) }
    let matching = try HabitMatching(captured, account: person.ledger.habits, map: map)
    _ = person.ledger.migrate(
      plan, matching: matching, migrationID: migrationID, isNewAccount: isNewAccount, now: now)
    finish(&person, userID, now: now)
    return matching.matches
  }

  /// Completes a change and stores it.
  private mutating func finish(_ person: inout Person, _ userID: Identifier, now: Instant) {
    if let before = people[userID]?.ledger { person.ledger.readFullHabits(from: before) }
    person.ledger.finishChange(now: now) { makeID() }
    person.ledger.commit()
    people[userID] = person
  }

  mutating func register(_ deviceID: Identifier, of userID: Identifier, now: Instant) {
    people[userID]?.ledger.register(deviceID: deviceID, now: now)
  }

  mutating func acknowledge(_ noticeIDs: [Identifier], of userID: Identifier, by deviceID: Identifier) {
    people[userID]?.acknowledged[deviceID, default: []].formUnion(noticeIDs)
  }

  /// Begins another epoch of the database with this one's content, after a restore or a promotion.
  /// - Parameter epoch: Its number is later than that of every earlier epoch known to its maker;
  ///   its bits are random.
  mutating func begin(_ epoch: Epoch) {
    self.epoch = epoch
    for (userID, person) in people { people[userID]?.ledger = person.ledger.inEpoch(epoch) }
  }

  /// No id is issued twice, also after the return to a copy.
  mutating func takeIDs(after other: ModelServer) { nextID = max(nextID, other.nextID) }

  // MARK: Sync

  /// Answers a submission sent with the credentials of `userID` and `deviceID`.
  /// - Parameter sentAt: The device's clock at sending.
  mutating func sync(
    _ submission: SyncSubmission, userID: Identifier, deviceID: Identifier, sentAt: Instant, now: Instant, pageSize: Int
  ) -> Result<SyncChanges, Refusal> {
    guard isUp else { return .failure(.unavailable) }
    guard submission.userID == userID else { return .failure(.accountMismatch) }
    guard var person = people[userID] else { return .failure(.accountUnknown) }
    guard let source = person.ledger.sources[deviceID] else { return .failure(.deviceUnknown) }
    guard isGenuine(submission.cursor, of: userID) else { return .failure(.cursorInvalid) }
    // A hot standby answers pulls; a sync with writes waits for the primary.
    if isReadOnly {
      guard submission.operations.isEmpty, submission.restatedHabits.isEmpty else { return .failure(.unavailable) }
      return .success(pull(person, submission, for: deviceID, pageSize: pageSize))
    }
    var outcomes: [OperationOutcome] = []
    if let first = submission.operations.first?.seq {
      guard first <= source.lastSeq + 1 || first == submission.oldestKeptSeq else {
        return .failure(.gap(expected: source.lastSeq + 1))
      }
      for operation in submission.operations where operation.seq <= source.lastSeq {
        guard let known = person.decided[deviceID]?[operation.seq], known.operation == operation else {
          return .failure(.reused)
        }
        outcomes.append(known.outcome)
      }
    }
    for habit in submission.restatedHabits { person.ledger.restate(habit, now: now) }
    let isAhead = submission.cursor.epoch == epoch && lastNumber(of: submission) > person.ledger.changeNumber
    let isOfOtherLife = submission.cursor.epoch != epoch && submission.cursor != .start || isAhead
    // A device that does not know of a loss reports an empty queue, and then sends the lost
    // operations again: it was not caught up.
    var queueDrained =
      submission.queueDrained && submission.cursor.epoch == epoch && submission.cursor.changeNumber >= 0 && !isAhead
    for operation in submission.operations.dropFirst(outcomes.count) {
      // The device does not know yet that this server may have lost the habit; its next submission
      // restates it.
      if isOfOtherLife, operation.isOfHabit(missingIn: person.ledger) {
        queueDrained = false
        break
      }
      let outcome = person.ledger.apply(
        operation, by: deviceID, now: now, clock: ClockRules(now: now, sentAt: sentAt))
      precondition(person.decided[deviceID]?[operation.seq] == nil, "an operation was decided twice")
      person.decided[deviceID, default: [:]][operation.seq] = (operation, outcome)
      person.ledger.advance(deviceID: deviceID, to: operation.seq)
      outcomes.append(outcome)
    }
    if queueDrained, submission.acknowledgedSeq <= person.ledger.sources[deviceID]?.lastSeq ?? 0 {
      person.ledger.finishBackfill(of: deviceID, now: now)
    }
    finish(&person, userID, now: now)
    var changes = pull(person, submission, for: deviceID, pageSize: pageSize, isAhead: isAhead)
    changes.outcomes = outcomes
    return .success(changes)
  }

  // MARK: Cursors

  private func isGenuine(_ cursor: Cursor, of userID: Identifier) -> Bool {
    cursor == .start || cursor.changeNumber < 0 || cursor.tag == Self.tag(cursor, userID)
  }

  private static func tag(_ cursor: Cursor, _ userID: Identifier) -> [UInt8] {
    let numbers = [
      UInt64(bitPattern: cursor.epoch.number), UInt64(bitPattern: cursor.epoch.bits),
      UInt64(bitPattern: cursor.changeNumber), userID.low,
    ]
    return numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
  }

  // MARK: Pulls

  /// The last change that a device has received some of.
  private func lastNumber(of submission: SyncSubmission) -> Int64 {
    max(submission.cursor.changeNumber, Place(submission.resume)?.head ?? 0)
  }

  /// The changes since a cursor, one page at a time.
  /// - Parameter isAhead: The cursor was ahead of the data before this request changed it.
  private func pull(
    _ person: Person, _ submission: SyncSubmission, for deviceID: Identifier, pageSize: Int, isAhead: Bool = false
  ) -> SyncChanges {
    let ledger = person.ledger
    let cursor = submission.cursor
    var changes = SyncChanges(cursor: Cursor(epoch: epoch, changeNumber: 0))
    changes.lastSeq = ledger.sources[deviceID]?.lastSeq ?? 0
    let going = Place(submission.resume) ?? Place(head: cursor.changeNumber)
    let isOfThisLife =
      cursor.epoch == epoch && cursor.changeNumber >= 0 && !isAhead
      && lastNumber(of: submission) <= ledger.changeNumber
    var place = isOfThisLife ? going : Place(head: 0)
    // A device of another epoch with the same state pulls only the notices, which the digest does
    // not cover.
    if cursor.epoch != epoch, submission.resume.isEmpty, let digest = submission.digest, digest == ledger.digest {
      addNotices(person, after: 0, to: deviceID, &changes)
      finish(&changes, ledger, submission.userID, deviceID)
      return changes
    }
    changes.isReset = !isOfThisLife && cursor != .start
    if place.head > 0 || place.key != nil,
      ledger.habits.values.contains(where: { !$0.isDeleted && $0.returnedVersion > place.head })
    {
      place = Place(head: 0)
      changes.isReset = true
    }
    for (id, habit) in ledger.habits where habit.version > place.head {
      if !habit.isDeleted {
        changes.habits.append(SyncChanges.Habit(id: id, fields: habit.fields))
        changes.latestTime = max(changes.latestTime, habit.statements.latestTime)
      } else if place.head > 0 || habit.aliasOf != nil {
        changes.deletedHabits.append(id)
      }
      if let habitID = habit.aliasOf { changes.aliases[id] = habitID }
    }
    addNotices(person, after: place.head, to: deviceID, &changes)
    let waiting = ledger.cells.filter { key, cell in
      ledger.habits[key.habitID]?.isDeleted == false && place.isBefore(cell.version, key)
    }.sorted { ($0.value.version, $0.key) < ($1.value.version, $1.key) }
    for (key, cell) in waiting.prefix(pageSize) {
      changes.cells.append(
        SyncChanges.Cell(key: key, cell: cell.cell, version: cell.version, completions: cell.completions))
      changes.latestTime = max(changes.latestTime, cell.latestTime)
    }
    if ledger.settings.version > place.head {
      changes.dayStartMinutes = ledger.settings.dayStartMinutes
      changes.latestTime = max(changes.latestTime, ledger.settings.dayStart.latestTime)
    }
    guard waiting.count > pageSize, let last = waiting.prefix(pageSize).last else {
      finish(&changes, ledger, submission.userID, deviceID)
      return changes
    }
    changes.hasMore = true
    changes.resume = Place(head: ledger.changeNumber, version: last.value.version, key: last.key).bytes
    changes.cursor.changeNumber = isOfThisLife && !changes.isReset ? cursor.changeNumber : 0
    changes.cursor.tag = Self.tag(changes.cursor, submission.userID)
    return changes
  }

  /// The device has the complete state with this answer.
  private func finish(
    _ changes: inout SyncChanges, _ ledger: PersonLedger, _ userID: Identifier, _ deviceID: Identifier
  ) {
    changes.cursor.changeNumber = ledger.changeNumber
    changes.cursor.tag = Self.tag(changes.cursor, userID)
    changes.digest = ledger.digest
    changes.seen = ledger.sources.seen(by: deviceID)
    changes.zones = ledger.zones
  }

  private func addNotices(_ person: Person, after head: Int64, to deviceID: Identifier, _ changes: inout SyncChanges) {
    for (id, notice) in person.ledger.notices where notice.version > head {
      guard person.acknowledged[deviceID]?.contains(id) != true else { continue }
      changes.notices.append(SyncChanges.IdentifiedNotice(id: id, notice: notice))
    }
  }

  private struct Place {
    var head: Int64
    var version: Int64
    /// Nil: after all changes of that version.
    var key: CellKey?

    init(head: Int64) { self.init(head: head, version: head, key: nil) }

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

extension Operation {
  /// Whether the operation concerns a missing habit, and does not create it.
  fileprivate func isOfHabit(missingIn ledger: PersonLedger) -> Bool {
    if case .editHabit(let edit) = change, edit.changed.count == HabitField.allCases.count { return false }
    return habitID.map { ledger.habits[$0] == nil } ?? false
  }
}

extension PersonLedger {
  /// The same state in another epoch of the database.
  fileprivate func inEpoch(_ epoch: Epoch) -> PersonLedger {
    var ledger = PersonLedger(
      epoch: epoch, firstDay: firstDay, changeNumber: changeNumber, zones: zones, digest: digest,
      habitCount: habitCount, sources: sources, settings: settings, habitsMax: habitsMax)
    for (id, habit) in habits { ledger.load(habit: habit, id: id) }
    for (key, cell) in cells { ledger.load(cell: cell, key: key) }
    for (id, notice) in notices { ledger.load(notice: notice, id: id) }
    return ledger
  }
}

extension Register {
  fileprivate var latestTime: HybridTime { elements.map(\.stamp.time).max() ?? .zero }
}

extension HabitStatements {
  fileprivate var latestTime: HybridTime {
    max(HabitField.allCases.map { self[$0].latestTime }.max() ?? .zero, deletions.map(\.stamp.time).max() ?? .zero)
  }
}

extension CellState {
  fileprivate var latestTime: HybridTime { max(stamp.time, statements.note.latestTime) }
}
