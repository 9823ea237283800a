import EventLoop
import SplitMix
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
    var otherEpochs = 0
    var refusedOperations = 0

    mutating func add(_ other: Counts) {
      answers += other.answers
      applied += other.applied
      failures.merge(other.failures, uniquingKeysWith: +)
      conflicts += other.conflicts
      lockedStores += other.lockedStores
      epochs += other.epochs
      divided += other.divided
      secondBatches += other.secondBatches
      otherEpochs += other.otherEpochs
      refusedOperations += other.refusedOperations
    }
  }

  typealias Batcher = ChangeBatcher<SimulatedClient>
  typealias Answer = Result<Result<ChangeResult, QueueRefusal>, StoreError>

  /// Steps with calls and faults; afterwards the calls that run come to their ends.
  static let stepCount = 160
  /// No call may take more steps.
  static let stepsPerCallMax = 700
  static let userCount = 3
  static let daysCount: Int32 = 3
  static let runningCallsMax = 14
  static let faultyNote = "faulty"

  /// One call on its way.
  final class Call {
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
  struct Device {
    let id: Identifier
    let userID: Identifier
    let client: Int
    var nextSeq: Int64 = 1
    var isWaiting = false
    /// Without an answer so far: sent again.
    var unanswered: [QueuedOperation] = []
  }

  let loop: EventLoop
  let seed: UInt64
  var randomness: SplitMix64
  let database = SimulatedDatabase()
  let turns = RowTurns()
  var caches: [LedgerCache] = []
  var batchers: [Batcher] = []
  var userIDs: [Identifier] = []
  var habitIDs: [Identifier: [Identifier]] = [:]
  /// Every state of a user, by time.
  var history: [Identifier: [ChangeModel]] = [:]
  var devices: [Device] = []
  var calls: [Call] = []
  var callCount = 0
  var step = 0
  /// The number of the last call of a user that took effect, for each batcher.
  var lastStored: [Identifier: [Int: Int]] = [:]
  /// Rows that other programs lock.
  var foreignLocks: Set<Identifier> = []
  /// Rows that a transaction of this process locks for long, once no batch has the user.
  var turnsHeld: Set<Identifier> = []
  var turnsAsked: Set<Identifier> = []
  /// How often another program changes a user just before a statement stores.
  var rivalPercent = 5
  private(set) var violations: [String] = []
  var counts = Counts()

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

  func violate(_ text: String) { violations.append("seed \(seed), step \(step): \(text)") }

  func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &randomness) < percent }

  func randomID() -> Identifier {
    Identifier(high: randomness.next(), low: randomness.next())
  }

  var now: Instant { .sample.advanced(byMilliseconds: Int64(step) * 1_000) }

  func addUser() {
    let userID = randomID()
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: .sample))
    let ids = [randomID(), randomID()]
    var clientTime: [Device] = []
    for client in 0..<2 {
      let device = Device(id: randomID(), userID: userID, client: client)
      ledger.register(deviceID: device.id, now: .sample)
      clientTime.append(device)
    }
    for id in ids {
      _ = ledger.applyDirectly(
        .editHabit(Operation.HabitEdit(habitID: id, fields: HabitFields(name: "h"))), by: clientTime[0].id, now: .sample
      )
    }
    ledger.finishChange(now: .sample) { .zero }
    ledger = ledger.withoutChanges
    userIDs.append(userID)
    habitIDs[userID] = ids
    devices += clientTime
    history[userID] = [ChangeModel(ledger, epoch: database.epoch)]
    database.users[userID] = SimulatedDatabase.StoredUser(ledger: ledger)
  }

  // MARK: The run

  func run() async {
    while step < Self.stepCount {
      step += 1
      await act()
      await runPendingTasks()
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
      await runPendingTasks()
      check()
      guard violations.isEmpty else { return await abandon() }
    }
    for batcher in batchers where batcher.userCount > 0 { violate("a batcher keeps users without calls") }
    if !turns.isIdle { violate("a row's turn has not ended") }
    counts.divided = batchers.reduce(0) { $0 + $1.dividedCount }
  }

  /// Lets every statement that waits end, so that no task stays.
  func abandon() async {
    for userID in foreignLocks { database.unlock(userID) }
    for _ in 0..<10_000 where !database.waiting.isEmpty || !turnsHeld.isEmpty {
      for userID in turnsHeld { endTurn(userID) }
      if let place = database.waiting.indices.first(where: { !database.isBlocked(database.waiting[$0]) }) {
        database.resume(place, .goesOn)
      }
      await runPendingTasks()
    }
  }

  /// Lets the loop do what there is to do: its turn ends only when no task can go on.
  func runPendingTasks() async {
    for _ in 0..<4 {
      await withCheckedContinuation { continuation in loop.atEndOfTurn(TurnEnd(continuation)) }
    }
  }

  func act() async {
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

  func resumeStatement(faults percent: Int) {
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

  func submit() {
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

  func operation(of device: Device) -> QueuedOperation {
    let operation = Operation(
      seq: device.nextSeq, time: HybridTime(now), seen: .nothing, change: change(of: device.userID))
    let salt = UInt8.random(in: 0...255, using: &randomness)
    return QueuedOperation(
      operation: operation, payload: [UInt8](repeating: 7, count: 20),
      payloadHash: [salt] + Array("\(step) \(operation.seq)".utf8))
  }

  func change(of userID: Identifier) -> Operation.Change {
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

  static func isFaulty(_ request: ChangeRequest) -> Bool {
    func isFaulty(_ change: Operation.Change) -> Bool {
      if case .setCompletion(let completion) = change { completion.note == faultyNote } else { false }
    }
    switch request.work {
    case .direct(let change): return isFaulty(change)
    case .queue(let operations): return operations.contains { isFaulty($0.operation.change) }
    }
  }

  func begin(_ work: ChangeRequest.Work, by place: Int, isQueue: Bool) {
    let device = devices[place]
    callCount += 1
    let request = ChangeRequest(
      userID: device.userID, deviceID: device.id, work: work, queueDrained: false, now: now,
      epoch: isQueue ? database.epoch : nil)
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

  func answered(deviceAt place: Int, _ answer: Answer) {
    devices[place].isWaiting = false
    switch answer {
    case .success(.success): devices[place].unanswered = []
    case .success(.failure):
      // As after a loss on either side: it goes on where the server is.
      devices[place].unanswered = []
      devices[place].nextSeq = (history[devices[place].userID]?.last?.lastSeq(of: devices[place].id) ?? 0) + 1
    case .failure: break
    }
  }
}

/// Resumes a task at the end of a loop's turn.
private final class TurnEnd: EndOfTurnWork {
  let continuation: CheckedContinuation<Void, Never>

  init(_ continuation: CheckedContinuation<Void, Never>) { self.continuation = continuation }

  func endOfTurn() { continuation.resume() }
}
