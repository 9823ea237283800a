internal import EventLoop
internal import Postgres
internal import StreakDomain

/// Changes people's data in natural batches: load, decide, store.
///
/// While one batch is under way the next collects. Its people's state is loaded as a set, as far as
/// it is not remembered, every call is decided by the domain's rules on that state, one after
/// another for one person, and all of it is stored by one statement, so by one commit. Nothing is
/// locked over a round trip:
/// for a person whom somebody else changed meanwhile nothing was stored, and their calls go again
/// with the next batch. Who loses again and again against other loops or processes waits in line
/// for the person's row. Loop-confined.
final class LedgerWriter: EndOfTurnWork {
  /// Batches under way at the same time. The second one takes off only when it is full: few large
  /// batches cost the database least.
  static let flightsMax = 2
  /// Most operations in one batch; a single call may have more.
  static let batchOperationsMax = 512
  /// How long the loop stays awake, if it does, for the next call of who calls one at a time.
  private static let nextCallMicrosecondsMax = 500
  /// Attempts without a lock before the person's row is locked.
  private static let unlockedAttemptsMax = 4
  /// Attempts before a caller is told.
  private static let attemptsMax = 12

  private let loop: EventLoop
  private let database: Database
  private let memory: LedgerMemory
  private let quotas: QuotaMeter
  private let turns: RowTurns
  private let limits: StoreLimits
  private let busyPollMicroseconds: Int
  /// Which life of the database this is.
  private let epoch: () -> Epoch
  private var flights = 0
  private var isLockedFlightUnderWay = false
  private var isTakeOffDue = false
  /// One person's calls that are in no batch yet.
  private final class Line {
    let userID: Identifier
    // Bounded in number by what the server admits at once.
    /// In order of arrival.
    var calls: [LedgerCall]
    /// Earlier calls are in a batch under way, or go again with the next one.
    var isHeld = false

    init(_ userID: Identifier, _ calls: [LedgerCall]) {
      self.userID = userID
      self.calls = calls
    }
  }

  private var lines: [Identifier: Line] = [:]
  /// Those that are not held, by the arrival of their first call.
  private var ready: [Line] = []
  /// Calls in them.
  private var readyCount = 0
  private var retrying: [LedgerPerson] = []
  /// Those who go again behind a lock.
  private var stubborn: [LedgerPerson] = []
  /// People whose rows a transaction of this process locks for long: their calls wait here, and not
  /// in a batch with others' calls. Each is held.
  private var parked: Set<Identifier> = []
  /// The people of each batch under way, by its number.
  private var aloft: [Int: [LedgerPerson]] = [:]
  private var flightNumber = 0
  /// Are resumed when a batch under way has ended.
  private var awaitingLanding: [CheckedContinuation<Void, Never>] = []
  /// Batches that the database refused, so that they went on in parts: costly, and a sign of
  /// damage.
  private(set) var dividedCount = 0
  private var randomness = SystemRandomNumberGenerator()

  /// - Parameter busyPollMicroseconds: How long the loop stays awake for the answer to a call that
  ///   is alone; 0: not at all.
  init(
    loop: EventLoop, database: Database, memory: LedgerMemory, limits: StoreLimits, quotas: QuotaMeter,
    turns: RowTurns, busyPollMicroseconds: Int,
    epoch: @escaping () -> Epoch
  ) {
    self.loop = loop
    self.database = database
    self.memory = memory
    self.limits = limits
    self.quotas = quotas
    self.turns = turns
    self.busyPollMicroseconds = busyPollMicroseconds
    self.epoch = epoch
  }

  /// People whose data is being changed.
  var peopleCount: Int { lines.count }

  /// Decides and stores one request, together with whatever else comes in meanwhile. What is stored
  /// is durable when this returns.
  func submit(_ request: LedgerRequest) async throws(StoreError) -> Result<LedgerAnswer, QueueRefusal> {
    loop.preconditionIsCurrent()
    if flights > 0 { loop.endBusyPolling() }
    return try unsafe await withUnsafeContinuation { continuation in
      let call = unsafe LedgerCall(request, continuation)
      let line: Line
      if let known = lines[request.userID] {
        line = known
        line.calls.append(call)
      } else {
        line = Line(request.userID, [call])
        lines[request.userID] = line
        ready.append(line)
      }
      guard !line.isHeld else { return }
      readyCount += 1
      takeOffSoon()
    }.get()
  }

  // MARK: Batches

  /// At the end of the loop's turn: whatever comes in until then comes along.
  private func takeOffSoon() {
    guard !isTakeOffDue else { return }
    isTakeOffDue = true
    loop.atEndOfTurn(self)
  }

  func endOfTurn() {
    isTakeOffDue = false
    takeOff()
  }

  private func takeOff() {
    while flights == 0
      ? !(ready.isEmpty && retrying.isEmpty) : flights < Self.flightsMax && readyCount >= Self.batchOperationsMax
    {
      let people = nextBatch()
      guard !people.isEmpty else { continue }
      flights += 1
      let number = note(people)
      let isAlone = flights == 1 && people.count == 1 && people[0].calls.count == 1
      loop.pollBusily(microseconds: isAlone ? busyPollMicroseconds : 0)
      let bound = LoopBound((writer: self, people: people), loop: loop)
      Task(executorPreference: loop) {
        let (writer, people) = bound.value
        let losers = await writer.flyTogether(people)
        if isAlone { writer.awaitNextCall() }
        writer.flights -= 1
        writer.land(people, losers: losers, number)
      }
    }
    if !turns.isIdle { stubborn.removeAll { parkAgain($0) } }
    guard !isLockedFlightUnderWay, !stubborn.isEmpty else { return }
    isLockedFlightUnderWay = true
    let person = stubborn.removeFirst()
    let number = note([person])
    let bound = LoopBound((writer: self, person: person), loop: loop)
    Task(executorPreference: loop) {
      let (writer, person) = bound.value
      let losers = await writer.flyLocked(person)
      writer.isLockedFlightUnderWay = false
      writer.land([person], losers: losers, number)
    }
  }

  /// Whoever calls one at a time may have the next call soon.
  private func awaitNextCall() {
    guard lines.values.allSatisfy(\.calls.isEmpty) else { return }
    loop.pollBusily(microseconds: min(busyPollMicroseconds, Self.nextCallMicrosecondsMax))
  }

  /// Only now may these people's calls be in another batch: somebody twice in one statement would
  /// break it.
  private func land(_ people: [LedgerPerson], losers: [LedgerPerson], _ number: Int) {
    aloft[number] = nil
    for loser in losers {
      let again = LedgerPerson(loser.userID, loser.calls + take(from: lines[loser.userID]), attempts: loser.attempts)
      if again.attempts < Self.unlockedAttemptsMax { retrying.append(again) } else { stubborn.append(again) }
    }
    let lost = Set(losers.map(\.userID))
    for person in people where lost.isEmpty || !lost.contains(person.userID) {
      guard let line = lines[person.userID] else { continue }
      if line.calls.isEmpty {
        lines[person.userID] = nil
      } else {
        line.isHeld = false
        ready.append(line)
        readyCount += line.calls.count
      }
    }
    if !awaitingLanding.isEmpty {
      var waiting: [CheckedContinuation<Void, Never>] = []
      swap(&waiting, &awaitingLanding)
      for continuation in waiting { continuation.resume() }
    }
    takeOffSoon()
  }

  // MARK: Rows that are locked for long

  private func note(_ people: [LedgerPerson]) -> Int {
    flightNumber += 1
    aloft[flightNumber] = people
    return flightNumber
  }

  /// Waits until no batch under way has changes of this person.
  func landed(_ userID: Identifier) async {
    loop.preconditionIsCurrent()
    while aloft.values.contains(where: { $0.contains { $0.userID == userID } }) {
      await withCheckedContinuation { awaitingLanding.append($0) }
    }
  }

  /// Whether a person's row is locked for long; the person's calls are parked then.
  private func park(_ line: Line) -> Bool {
    let userID = line.userID
    let own = LoopBound(self, loop: loop)
    let isTaken = turns.isTaken(.person(userID)) { [loop] in
      Task(executorPreference: loop) { own.value.unpark(userID) }
    }
    guard isTaken else { return false }
    line.isHeld = true
    parked.insert(userID)
    return true
  }

  /// The same for one that lost a race: its calls are the first in its line again.
  private func parkAgain(_ person: LedgerPerson) -> Bool {
    guard let line = lines[person.userID], park(line) else { return false }
    line.calls = person.calls + line.calls
    return true
  }

  private func unpark(_ userID: Identifier) {
    guard parked.remove(userID) != nil, let line = lines[userID] else { return }
    line.isHeld = false
    ready.append(line)
    readyCount += line.calls.count
    takeOffSoon()
  }

  /// Those who lost a race first, then the others by arrival; each person once, with all their
  /// calls.
  private func nextBatch() -> [LedgerPerson] {
    var people: [LedgerPerson] = []
    swap(&people, &retrying)
    if !turns.isIdle {
      people.removeAll { parkAgain($0) }
      ready.removeAll { line in
        guard park(line) else { return false }
        readyCount -= line.calls.count
        return true
      }
    }
    var room = Self.batchOperationsMax - people.reduce(0) { $0 + $1.calls.count }
    var count = 0
    for line in ready {
      guard room > 0 || people.isEmpty else { break }
      count += 1
      readyCount -= line.calls.count
      line.isHeld = true
      people.append(LedgerPerson(line.userID, take(from: line, &room), attempts: 0))
    }
    ready.removeFirst(count)
    return people.sorted { $0.userID < $1.userID }
  }

  private func take(from line: Line?) -> [LedgerCall] {
    var calls: [LedgerCall] = []
    if let line { swap(&calls, &line.calls) }
    return calls
  }

  /// The first calls, at least one, as far as there is room for their operations. Those that are
  /// left wait for this batch.
  private func take(from line: Line, _ room: inout Int) -> [LedgerCall] {
    var calls = take(from: line)
    var count = 0
    for call in calls {
      guard room > 0 || count == 0 else { break }
      room -= call.request.operationCount
      count += 1
    }
    if count < calls.count {
      line.calls = Array(calls.dropFirst(count))
      calls.removeLast(calls.count - count)
    }
    return calls
  }

  private func flyTogether(_ people: [LedgerPerson]) async -> [LedgerPerson] {
    do throws(StoreError) {
      return try await attempt(people, by: database).map { $0.again() }
    } catch {
      var losers: [LedgerPerson] = []
      if case .fault = error { dividedCount += 1 }
      switch error {
      case .concurrentChange: losers = again(people, error)
      // Something in the batch cannot be stored: only whose it is shall suffer.
      case .fault where people.count > 1:
        for person in people {
          losers += await flyTogether([LedgerPerson(person.userID, person.calls, attempts: person.attempts)])
        }
      case .fault where people[0].calls.count > 1:
        let person = people[0]
        var again: [LedgerCall] = []
        for call in person.calls {
          again += await flyTogether([LedgerPerson(person.userID, [call], attempts: person.attempts)]).flatMap(\.calls)
        }
        if !again.isEmpty { losers = [LedgerPerson(person.userID, again, attempts: person.attempts + 1)] }
      default: for person in people { person.fail(error) }
      }
      return losers
    }
  }

  /// - Returns: `people` for another attempt, but for those who have had enough: they are told.
  private func again(_ people: [LedgerPerson], _ error: StoreError) -> [LedgerPerson] {
    people.compactMap { person in
      guard person.attempts < Self.attemptsMax else {
        person.fail(error)
        return nil
      }
      return person.again()
    }
  }

  private static let lock = Statement(.write, "SELECT FROM heads WHERE user_id = $1 FOR NO KEY UPDATE")

  /// Changes one person's data while holding the lock of their row.
  private func flyLocked(_ person: LedgerPerson) async -> [LedgerPerson] {
    do throws(StoreError) {
      try await database.transacting { transaction throws(StoreError) in
        try await transaction.execute(Self.lock, .identifier(person.userID))
        guard try await attempt([person], isLocked: true, by: transaction).isEmpty else { throw .concurrentChange }
        return .commit(())
      }
      person.answer()
    } catch {
      if error == .concurrentChange { return again([person], error) }
      person.fail(error)
    }
    return []
  }

  // MARK: Load, decide, store

  /// - Parameter isLocked: Within a transaction that holds the people's locks: nobody is answered
  ///   before it has ended.
  /// - Returns: The people for whom nothing was stored, because somebody else changed their data.
  private func attempt(
    _ people: [LedgerPerson], isLocked: Bool = false, by runner: some StatementRunner
  ) async throws(StoreError) -> [LedgerPerson] {
    let epoch = epoch()
    if !isLocked {
      for person in people { person.recall(from: memory, epoch: epoch) }
      let recalled = people.count(where: \.isRecalled)
      memory.countRecalls(remembered: recalled, loaded: people.count - recalled)
    }
    try await LedgerLoad.readNotices(people, by: runner)
    try await LedgerLoad.read(
      people.filter { !$0.isRecalled }, epoch: epoch, limits: limits, by: runner)
    try await LedgerLoad.readOutcomes(people, by: runner)
    try await LedgerLoad.readActivity(people, by: runner)
    for person in people {
      person.decide()
      if person.isStale { try await LedgerLoad.completeStale(person, by: runner) }
      guard let now = person.calls.last?.request.now.milliseconds else { continue }
      person.ledger?.settle(now: now) { Identifier(high: randomness.next(), low: randomness.next()) }
    }
    let changed = people.filter(\.isChanged)
    var stored: Set<Identifier> = []
    if let now = changed.first?.calls.first?.request.now {
      stored = try await LedgerStore(changed, now: now).run(by: runner)
    }
    var losers: [LedgerPerson] = []
    for person in people {
      if person.isChanged ? !stored.contains(person.userID) : person.isRecalled {
        losers.append(person)
      } else {
        quotas.count(person.quotaCounts)
        if !isLocked { person.answer(rememberingIn: memory) }
      }
    }
    return losers
  }
}

extension LedgerRequest {
  /// Operations in it, at least 1.
  fileprivate var operationCount: Int {
    if case .queue(let operations) = work { max(1, operations.count) } else { 1 }
  }
}
