import EventLoop
@testable import StreakDomain
@testable import StreakStore
import TestSupport

/// Two batchers change the data of three users in a simulated database, by a seed: as two loops of
/// a process, with one cache, or as two processes. Meanwhile rows are locked, other programs
/// change them, links break, and the database returns to an earlier state. On one loop.
final class ChangeSimulation {
  /// What a run has met.
  struct Counts {
    var answers = 0
    var applied = 0
    var failures: [String: Int] = [:]
    var conflicts = 0
    var lockedStores = 0
    var epochs = 0
    var divided = 0
    var secondBatches = 0

    mutating func add(_ other: Counts) {
      answers += other.answers
      applied += other.applied
      failures.merge(other.failures, uniquingKeysWith: +)
      conflicts += other.conflicts
      lockedStores += other.lockedStores
      epochs += other.epochs
      divided += other.divided
      secondBatches += other.secondBatches
    }
  }

  typealias Batcher = ChangeBatcher<SimulatedClient>
  typealias Answer = Result<Result<ChangeResult, QueueRefusal>, StoreError>

  /// Steps with calls and faults; afterwards the calls that run come to their ends.
  static let stepCount = 160
  /// No call may take more steps.
  static let stepsPerCallMax = 700
  private static let userCount = 3
  private static let daysCount: Int32 = 3
  private static let runningCallsMax = 14
  private static let faultyNote = "faulty"

  /// One call on its way.
  private final class Call {
    let request: ChangeRequest
    let client: Int
    let number: Int
    let firstStep: Int
    /// The place of the first state in the user's history that the answer may be of.
    let firstState: Int
    /// The answer that the model gave when it took effect.
    var stored: ChangeModel.Answer?
    var isAnswered = false

    init(_ request: ChangeRequest, client: Int, number: Int, firstStep: Int, firstState: Int) {
      self.request = request
      self.client = client
      self.number = number
      self.firstStep = firstStep
      self.firstState = firstState
    }
  }

  /// A device with a queue: the next operations follow the answer to the last ones.
  private struct Device {
    let id: Identifier
    let userID: Identifier
    let client: Int
    var nextSeq: Int64 = 1
    var isWaiting = false
    /// Without an answer so far: sent again.
    var unanswered: [QueuedOperation] = []
  }

  private let loop: EventLoop
  private let seed: UInt64
  private var randomness: SplitMix64
  private let database = SimulatedDatabase()
  private let turns = RowTurns()
  private var caches: [LedgerCache] = []
  private var batchers: [Batcher] = []
  private var userIDs: [Identifier] = []
  private var habitIDs: [Identifier: [Identifier]] = [:]
  /// Every state of a user, by time.
  private var history: [Identifier: [ChangeModel]] = [:]
  private var devices: [Device] = []
  private var calls: [Call] = []
  private var callCount = 0
  private var step = 0
  /// The number of the last call of a user that took effect, for each batcher.
  private var lastStored: [Identifier: [Int: Int]] = [:]
  /// Rows that other programs lock.
  private var foreignLocks: Set<Identifier> = []
  /// Rows that a transaction of this process locks for long, once no batch has the user.
  private var turnsHeld: Set<Identifier> = []
  private var turnsAsked: Set<Identifier> = []
  /// How often another program changes a user just before a statement stores.
  private var rivalPercent = 5
  private(set) var violations: [String] = []
  private(set) var counts = Counts()

  init(seed: UInt64, loop: EventLoop) {
    self.seed = seed
    self.loop = loop
    randomness = SplitMix64(seed: seed)
    let sharesCache = Bool.random(using: &randomness)
    if seed % 3 == 0 { rivalPercent = 95 }
    let hints = HintRelay(loop: loop, sender: .zero, watching: WatchPresence(), board: HintBoard())
    for number in 0..<2 {
      let cache = number == 1 && sharesCache ? caches[0] : LedgerCache(bytesMax: 1 << 20)
      caches.append(cache)
      let attempt = ChangeAttempt(
        database: SimulatedClient(database: database, number: number), cache: cache, limits: StoreLimits(),
        quotas: QuotaMeter(), hints: hints, epoch: { [unowned database] in database.epoch })
      var queue = BatchQueue()
      queue.batchOperationsMax = 3
      batchers.append(ChangeBatcher(loop: loop, attempt: attempt, turns: turns, busyPollMicroseconds: 0, queue: queue))
    }
    for _ in 0..<Self.userCount { addUser() }
    database.isFaulty = { request in Self.isFaulty(request) }
    database.onStored = { [unowned self] user, client in stored(user, client) }
    database.onConflict = { [unowned self] user, client in conflicted(user, client) }
    database.onViolation = { [unowned self] text in violate(text) }
  }

  private func violate(_ text: String) { violations.append("seed \(seed), step \(step): \(text)") }

  private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &randomness) < percent }

  private func randomID() -> Identifier {
    Identifier(high: randomness.next(), low: randomness.next())
  }

  private var now: Instant { .sample.advanced(byMilliseconds: Int64(step) * 1_000) }

  private func addUser() {
    let userID = randomID()
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: .sample))
    let ids = [randomID(), randomID()]
    var made: [Device] = []
    for client in 0..<2 {
      let device = Device(id: randomID(), userID: userID, client: client)
      ledger.register(deviceID: device.id, now: .sample)
      made.append(device)
    }
    for id in ids {
      _ = ledger.applyDirectly(
        .editHabit(Operation.HabitEdit(habitID: id, fields: HabitFields(name: "h"))), by: made[0].id, now: .sample)
    }
    ledger.finishChange(now: .sample) { .zero }
    ledger = ledger.withoutChanges
    userIDs.append(userID)
    habitIDs[userID] = ids
    devices += made
    history[userID] = [ChangeModel(ledger)]
    database.users[userID] = SimulatedDatabase.StoredUser(ledger: ledger)
  }

  // MARK: The run

  func run() async {
    while step < Self.stepCount {
      step += 1
      await act()
      await settle()
      check()
      guard violations.isEmpty else { return await abandon() }
    }
    for userID in foreignLocks { database.unlock(userID) }
    foreignLocks = []
    for userID in turnsHeld { endTurn(userID) }
    while !calls.isEmpty || !database.waiting.isEmpty || !turnsAsked.isEmpty {
      step += 1
      for userID in turnsHeld { endTurn(userID) }
      resumeStatement(faults: 0)
      await settle()
      check()
      guard violations.isEmpty else { return await abandon() }
    }
    for batcher in batchers where batcher.userCount > 0 { violate("a batcher keeps users without calls") }
    if !turns.isIdle { violate("a row's turn has not ended") }
    counts.divided = batchers.reduce(0) { $0 + $1.dividedCount }
  }

  /// Lets every statement that waits end, so that no task stays.
  private func abandon() async {
    for userID in foreignLocks { database.unlock(userID) }
    for _ in 0..<10_000 where !database.waiting.isEmpty || !turnsHeld.isEmpty {
      for userID in turnsHeld { endTurn(userID) }
      if let place = database.waiting.indices.first(where: { !database.isBlocked(database.waiting[$0]) }) {
        database.resume(place, .goesOn)
      }
      await settle()
    }
  }

  /// Lets the loop do what there is to do: its turn ends only when no task can go on.
  private func settle() async {
    for _ in 0..<4 {
      await withCheckedContinuation { continuation in loop.atEndOfTurn(TurnEnd(continuation)) }
    }
  }

  private func act() async {
    switch Int.random(in: 0..<100, using: &randomness) {
    case 0..<42 where calls.count < Self.runningCallsMax:
      for _ in 0..<Int.random(in: 1...3, using: &randomness) { submit() }
    case 42..<50: changeFromOutside()
    case 50..<54: lockFromOutside()
    case 54..<58: takeTurn()
    case 58..<60: if chance(40) { beginEpoch() }
    default: resumeStatement(faults: 12)
    }
  }

  private func resumeStatement(faults percent: Int) {
    let places = database.waiting.indices.filter { !database.isBlocked(database.waiting[$0]) }
    if chance(percent), let place = database.waiting.indices.randomElement(using: &randomness),
      let fate = database.waiting[place].fates.randomElement(using: &randomness)
    {
      return database.resume(place, fate)
    }
    guard let place = places.randomElement(using: &randomness) else { return }
    if Set(database.waiting.filter { $0.transaction == 0 && $0.client == 0 }.map(\.users)).count > 1 {
      counts.secondBatches += 1
    }
    let statement = database.waiting[place]
    if percent > 0, statement.kind == .store, statement.transaction == 0, chance(rivalPercent) {
      for userID in statement.users where database.locks[userID] == nil { change(userID) }
    }
    database.resume(place, .goesOn)
  }

  // MARK: Calls

  private func submit() {
    guard let place = devices.indices.randomElement(using: &randomness) else { return }
    if chance(40), !devices[place].isWaiting {
      if devices[place].unanswered.isEmpty {
        for _ in 0..<Int.random(in: 1...4, using: &randomness) {
          devices[place].unanswered.append(operation(of: devices[place]))
          devices[place].nextSeq += 1
        }
      }
      devices[place].isWaiting = true
      begin(.queue(devices[place].unanswered), by: place, isQueue: true)
    } else {
      begin(.direct(change(of: devices[place].userID)), by: place, isQueue: false)
    }
  }

  private func operation(of device: Device) -> QueuedOperation {
    let operation = Operation(
      seq: device.nextSeq, time: HybridTime(now), seen: .nothing, change: change(of: device.userID))
    let salt = UInt8.random(in: 0...255, using: &randomness)
    return QueuedOperation(
      operation: operation, payload: [UInt8](repeating: 7, count: 20),
      payloadHash: [salt] + Array("\(step) \(operation.seq)".utf8))
  }

  private func change(of userID: Identifier) -> Operation.Change {
    // Now and then a habit that does not exist: rejected.
    guard let habitID = chance(4) ? randomID() : habitIDs[userID]?.randomElement(using: &randomness) else {
      return .malformed
    }
    let day = Instant.sampleDay - Int32.random(in: 0..<Self.daysCount, using: &randomness)
    switch Int.random(in: 0..<20, using: &randomness) {
    case 0: return .day(habitID, day, note: Self.faultyNote)
    case 1..<6: return .day(habitID, day, done: false)
    case 6: return .editHabit(.init(habitID: habitID, fields: HabitFields(name: "h\(step)"), changed: [.name]))
    case 7..<10: return .day(habitID, day, note: "\(step % 4)")
    default: return .day(habitID, day)
    }
  }

  private static func isFaulty(_ request: ChangeRequest) -> Bool {
    func isFaulty(_ change: Operation.Change) -> Bool {
      if case .setCompletion(let completion) = change { completion.note == faultyNote } else { false }
    }
    switch request.work {
    case .direct(let change): return isFaulty(change)
    case .queue(let operations): return operations.contains { isFaulty($0.operation.change) }
    }
  }

  private func begin(_ work: ChangeRequest.Work, by place: Int, isQueue: Bool) {
    let device = devices[place]
    callCount += 1
    let request = ChangeRequest(
      userID: device.userID, deviceID: device.id, work: work, nothingLeft: false, now: now)
    let call = Call(
      request, client: device.client, number: callCount, firstStep: step,
      firstState: (history[device.userID]?.count ?? 1) - 1)
    calls.append(call)
    let bound = LoopBound((simulation: self, call: call), loop: loop)
    Task(executorPreference: loop) {
      let (simulation, call) = bound.value
      let answer: Answer
      do throws(StoreError) {
        answer = .success(try await simulation.batchers[call.client].submit(call.request))
      } catch {
        answer = .failure(error)
      }
      simulation.answered(call, answer)
      if isQueue { simulation.answered(deviceAt: place, answer) }
    }
  }

  private func answered(deviceAt place: Int, _ answer: Answer) {
    devices[place].isWaiting = false
    switch answer {
    case .success(.success): devices[place].unanswered = []
    case .success(.failure), .failure(.fault):
      // As after a loss on either side: it goes on where the server is.
      devices[place].unanswered = []
      devices[place].nextSeq = (history[devices[place].userID]?.last?.lastSeq(of: devices[place].id) ?? 0) + 1
    case .failure: break
    }
  }

  // MARK: What is right

  private func answered(_ call: Call, _ answer: Answer) {
    if call.isAnswered { violate("a call was answered twice") }
    call.isAnswered = true
    calls.removeAll { $0 === call }
    counts.answers += 1
    switch answer {
    case .success(let result):
      let outcomes = result.map(\.outcomes)
      if let stored = call.stored {
        counts.applied += 1
        if stored != outcomes { violate("answered \(outcomes) and stored \(stored)") }
      } else {
        // It changed nothing: so it was decided on a state that was the user's during the call.
        let states = history[call.request.userID, default: []][call.firstState...]
        let possible = states.contains { state in
          switch result {
          case .success(let result):
            state.ledger.changeNumber == result.ledger.changeNumber
              && state.answerWithoutChange(to: call.request) == outcomes
          case .failure: state.answer(to: call.request) == outcomes
          }
        }
        if !possible { violate("\(outcomes) was answered, and nothing stored") }
      }
    case .failure(let error):
      counts.failures[error.name, default: 0] += 1
      if error.name == "fault", !Self.isFaulty(call.request) { violate("a call failed for another's fault") }
      if call.stored != nil, error.name != "outcomeUnknown" { violate("\(error) was answered to a stored call") }
    }
  }

  private func stored(_ user: PendingUser, _ client: Int) {
    guard var model = history[user.userID]?.last else { return }
    let running = user.calls.compactMap { pending in calls.first { $0.request === pending.request } }
    if running.count < user.calls.count { violate("a call was stored after its answer") }
    if turnsHeld.contains(user.userID) { violate("a row was changed in another's turn") }
    for call in running {
      if call.stored != nil { violate("a call was stored twice") }
      if call.number <= lastStored[user.userID]?[client] ?? 0 { violate("a call overtook an earlier one") }
      lastStored[user.userID, default: [:]][client] = call.number
    }
    let answers = model.store(user.calls.map(\.request)) { .zero }
    for (call, answer) in zip(running, answers) { call.stored = answer }
    history[user.userID]?.append(model)
    if user.attempts >= ConflictPolicy.unlockedAttemptsMax { counts.lockedStores += 1 }
  }

  private func conflicted(_ user: PendingUser, _ client: Int) {
    counts.conflicts += 1
    // With one cache the other batcher may have loaded the same state meanwhile.
    if caches[0] !== caches[1], let entry = caches[client].peek(user.userID), entry.ledger.epoch == database.epoch,
      entry.ledger.changeNumber == user.changeNumberBefore
    {
      violate("the cache keeps a state that is out of date")
    }
  }

  private func check() {
    for userID in userIDs {
      guard let stored = database.users[userID], let model = history[userID]?.last else { continue }
      if !stored.ledger.hasSameHead(as: model.ledger) || stored.ledger.habits != model.ledger.habits
        || stored.ledger.cells != model.ledger.cells
      {
        violate("the database differs from the calls in a row")
      }
      for cache in caches {
        guard let entry = cache.peek(userID), entry.ledger.epoch == database.epoch else { continue }
        if entry.ledger.changeNumber > stored.ledger.changeNumber { violate("the cache is ahead of the database") }
        guard entry.ledger.changeNumber == stored.ledger.changeNumber else { continue }
        if !entry.equals(stored.ledger) { violate("the cache differs from the database") }
      }
    }
    for call in calls where step - call.firstStep > Self.stepsPerCallMax { violate("a call does not end") }
  }

  // MARK: What others do

  /// Another program changes a user's data.
  private func changeFromOutside() {
    guard let userID = userIDs.randomElement(using: &randomness), database.locks[userID] == nil else { return }
    change(userID)
  }

  private func change(_ userID: Identifier) {
    guard var model = history[userID]?.last, var stored = database.users[userID],
      let device = devices.first(where: { $0.userID == userID }), let habitID = habitIDs[userID]?.first
    else { return }
    let request = ChangeRequest(
      userID: userID, deviceID: device.id,
      work: .direct(.day(habitID, Instant.sampleDay, note: "from outside \(step)")), nothingLeft: false, now: now)
    _ = model.store([request]) { .zero }
    stored.ledger = model.ledger.withEpoch(database.epoch)
    database.users[userID] = stored
    history[userID]?.append(model)
  }

  /// Another program locks a row; later it changes it or not, and unlocks it.
  private func lockFromOutside() {
    guard let userID = userIDs.randomElement(using: &randomness) else { return }
    if foreignLocks.contains(userID) {
      if chance(60) { change(userID) }
      database.unlock(userID)
      foreignLocks.remove(userID)
    } else if database.locks[userID] == nil {
      _ = database.lock(userID)
      foreignLocks.insert(userID)
    }
  }

  /// A transaction of this process locks a row for long.
  private func takeTurn() {
    guard let userID = userIDs.randomElement(using: &randomness) else { return }
    if turnsHeld.contains(userID) {
      if chance(60), database.locks[userID] == nil { change(userID) }
      return endTurn(userID)
    }
    guard !turnsAsked.contains(userID) else { return }
    turnsAsked.insert(userID)
    let own = LoopBound(self, loop: loop)
    Task(executorPreference: loop) {
      let simulation = own.value
      try await simulation.turns.take(.person(userID))
      for batcher in simulation.batchers { await batcher.waitForBatches(of: userID) }
      simulation.turnsHeld.insert(userID)
    }
  }

  private func endTurn(_ userID: Identifier) {
    turnsHeld.remove(userID)
    turnsAsked.remove(userID)
    turns.end(.person(userID))
  }

  /// The database is replaced by a copy that lacks the last changes; the links to it break.
  /// Statements that wait for a link wait on, and are sent to the copy. Another program may have
  /// changed it by then as often as changes were lost, so that the change numbers are equal.
  private func beginEpoch() {
    counts.epochs += 1
    var place = 0
    while place < database.waiting.count {
      let statement = database.waiting[place]
      if statement.transaction == 0, statement.kind == .load || statement.kind == .store, chance(50) {
        place += 1
        continue
      }
      let fates = statement.fates.filter { $0 != .collides }
      database.resume(place, fates.randomElement(using: &randomness) ?? .isRefused)
    }
    for userID in foreignLocks { database.unlock(userID) }
    foreignLocks = []
    database.epoch = Epoch(number: database.epoch.number + 1)
    for userID in userIDs {
      guard let states = history[userID] else { continue }
      let lost = Int.random(in: 0...min(2, states.count - 1), using: &randomness)
      let state = states[states.count - 1 - lost]
      history[userID]?.append(state)
      database.users[userID] = SimulatedDatabase.StoredUser(
        ledger: state.ledger.withEpoch(database.epoch), outcomes: state.outcomes)
      if chance(50) { for _ in 0..<lost { change(userID) } }
    }
  }
}

/// Resumes a task at the end of a loop's turn.
private final class TurnEnd: EndOfTurnWork {
  private let continuation: CheckedContinuation<Void, Never>

  init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = continuation }

  func endOfTurn() { continuation.resume() }
}

extension LedgerCache {
  /// A user's entry, which stays.
  fileprivate func peek(_ userID: Identifier) -> Entry? {
    guard let entry = take(userID) else { return nil }
    put(userID, entry)
    return entry
  }
}

extension LedgerCache.Entry {
  /// Whether the head and the cached rows are those of the whole state.
  fileprivate func equals(_ whole: PersonLedger) -> Bool {
    guard ledger.hasSameHead(as: whole) else { return false }
    return rows.allSatisfy { row in
      guard let habitID = row.habitID else { return true }
      guard ledger.habits[habitID] == whole.habits[habitID] else { return false }
      return row.day.map {
        ledger.cells[CellKey(habitID: habitID, day: Day($0))] == whole.cells[CellKey(habitID: habitID, day: Day($0))]
      } ?? true
    }
  }
}

extension PersonLedger {
  fileprivate func withEpoch(_ epoch: Epoch) -> PersonLedger {
    var ledger = head(epoch: epoch)
    (ledger.habits, ledger.cells) = (habits, cells)
    return ledger
  }
}

extension StoreError {
  fileprivate var name: String {
    switch self {
    case .unavailable: "unavailable"
    case .overloaded: "overloaded"
    case .outcomeUnknown: "outcomeUnknown"
    case .cancelled: "cancelled"
    case .concurrentChange: "concurrentChange"
    case .noSuchUser: "noSuchUser"
    case .fault: "fault"
    }
  }
}
