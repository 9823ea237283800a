internal import EventLoop
internal import Postgres
internal import StreakDomain

/// Changes people's data in natural batches: load, decide, store.
///
/// While one batch is under way the next collects. Its people's state is loaded as a set, every call is decided by the domain's rules on that
/// state, one after another for one person, and all of it is stored by one statement, so by one commit. Nothing is locked over a round trip:
/// for a person whom somebody else changed meanwhile nothing was stored, and their calls go again with the next batch. Who loses again and again
/// against other loops or processes waits in line for the person's row. Loop-confined.
final class LedgerWriter {
  /// Batches under way at the same time.
  static let flightsMax = 2
  /// Most operations in one batch; a single call may have more.
  static let batchOperationsMax = 512
  /// Attempts without a lock before the person's row is locked.
  private static let unlockedAttemptsMax = 4
  /// Attempts before a caller is told.
  private static let attemptsMax = 12

  private let loop: EventLoop
  private let database: Database
  private let habitsMax: Int
  /// Which life of the database this is.
  private let epoch: () -> Int64
  private var flights = 0
  // Invariants: in order of arrival; bounded by the calls that the server admits at once.
  private var waiting: [LedgerCall] = []
  private var retrying: [LedgerPerson] = []
  /// People in a batch under way: their later calls wait for it.
  private var inFlight: Set<Identifier> = []
  /// Batches that the database refused, so that they went on in parts: costly, and a sign of damage.
  private(set) var dividedCount = 0
  private var randomness = SystemRandomNumberGenerator()

  init(loop: EventLoop, database: Database, habitsMax: Int, epoch: @escaping () -> Int64) {
    self.loop = loop
    self.database = database
    self.habitsMax = habitsMax
    self.epoch = epoch
  }

  /// People whose data is being changed.
  var peopleCount: Int { inFlight.count }

  /// Decides and stores one request, together with whatever else comes in meanwhile. What is stored is durable when this returns.
  func submit(_ request: LedgerRequest) async throws(StoreError) -> Result<LedgerAnswer, QueueRefusal> {
    loop.preconditionIsCurrent()
    return try await withCheckedContinuation { continuation in
      waiting.append(LedgerCall(request, continuation))
      takeOff()
    }.get()
  }

  // MARK: Batches

  private func takeOff() {
    while flights < Self.flightsMax {
      let people = nextBatch()
      guard !people.isEmpty else { return }
      flights += 1
      for person in people { inFlight.insert(person.userID) }
      let bound = LoopBound((writer: self, people: people), loop: loop)
      Task(executorPreference: loop) {
        let (writer, people) = bound.value
        writer.land(people, losers: await writer.fly(people))
      }
    }
  }

  /// Only now may the calls of `people` be in another batch: two attempts for one person in one statement would break it.
  private func land(_ people: [LedgerPerson], losers: [LedgerPerson]) {
    flights -= 1
    for person in people { inFlight.remove(person.userID) }
    retrying += losers
    takeOff()
  }

  /// Those who lost a race first, then the others by arrival; each person once, with all their calls.
  private func nextBatch() -> [LedgerPerson] {
    var people = retrying
    retrying = []
    var room = Self.batchOperationsMax - people.reduce(0) { $0 + $1.calls.count }
    var calls: [Identifier: [LedgerCall]] = [:]
    var order: [Identifier] = []
    var left: [LedgerCall] = []
    let taken = Set(people.map(\.userID))
    for call in waiting {
      let userID = call.request.userID
      guard room > 0, !inFlight.contains(userID), !taken.contains(userID) else {
        left.append(call)
        continue
      }
      room -= call.request.operationCount
      if calls[userID] == nil { order.append(userID) }
      calls[userID, default: []].append(call)
    }
    waiting = left
    people += order.map { LedgerPerson($0, calls[$0] ?? [], attempts: 0) }
    return people.sorted { $0.userID < $1.userID }
  }

  /// - Returns: Those whose calls are to go again.
  private func fly(_ people: [LedgerPerson]) async -> [LedgerPerson] {
    let stubborn = people.filter { $0.attempts >= Self.unlockedAttemptsMax }
    let ordinary = stubborn.isEmpty ? people : people.filter { $0.attempts < Self.unlockedAttemptsMax }
    var losers = ordinary.isEmpty ? [] : await flyTogether(ordinary)
    for person in stubborn { losers += await flyLocked(person) }
    return losers
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

  private static let lock = Statement(.write, "SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE")

  /// Changes one person's data while holding the lock of their row.
  private func flyLocked(_ person: LedgerPerson) async -> [LedgerPerson] {
    do throws(StoreError) {
      try await database.transacting { transaction throws(StoreError) in
        try await transaction.execute(Self.lock, .identifier(person.userID))
        guard try await attempt([person], answering: false, by: transaction).isEmpty else { throw .concurrentChange }
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

  /// - Returns: The people for whom nothing was stored, because somebody else changed their data.
  private func attempt(
    _ people: [LedgerPerson], answering: Bool = true, by runner: some StatementRunner
  ) async throws(StoreError) -> [LedgerPerson] {
    try await LedgerLoad.readNotices(people, by: runner)
    try await LedgerLoad.read(people, epoch: epoch(), habitsMax: habitsMax, by: runner)
    try await LedgerLoad.readOutcomes(people, by: runner)
    for person in people {
      person.decide { Identifier(high: randomness.next(), low: randomness.next()) }
      for habitID in person.ledger?.staleSummaries ?? [] {
        let days = try await LedgerLoad.countedDays(of: person.userID, habitID: habitID, by: runner)
        person.ledger?.setStoredCountedDays(days, of: habitID)
      }
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
      if person.isChanged && !stored.contains(person.userID) {
        losers.append(person)
      } else if answering {
        person.answer()
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
