internal import EventLoop
internal import Postgres
internal import StreakDomain

/// Changes users' data in natural batches: load, decide, store.
///
/// While one batch runs the next collects. The state that its calls touch is taken from the cache
/// or loaded with one statement, each user's calls are decided in order by the domain's rules, and
/// everything is stored by one statement, so by one commit. No lock is held over a round trip: on a
/// conflict nothing is stored for that user, and the user's calls are retried in the next batch;
/// after four attempts, under a lock of the user's row. Loop-confined.
final class ChangeBatcher: EndOfTurnWork {
  /// Batches that run at the same time. The second one starts only when it is full: few large
  /// batches cost the database least.
  static let batchesMax = 2
  /// Most operations in one batch; a single call may have more.
  static let batchOperationsMax = 512
  /// How long the loop stays awake, if it does, for the next call of a client that sends one at a
  /// time.
  private static let nextCallMicrosecondsMax = 500
  /// Attempts without a lock before the user's row is locked.
  private static let unlockedAttemptsMax = 4
  /// Attempts before the calls fail.
  private static let attemptsMax = 12

  private let loop: EventLoop
  private let database: Database
  private let cache: LedgerCache
  private let quotas: QuotaMeter
  private let turns: RowTurns
  private let hints: HintRelay
  private let limits: StoreLimits
  private let busyPollMicroseconds: Int
  /// The database's present epoch.
  private let epoch: () -> Epoch
  private var inFlight = 0
  private var isLockedBatchRunning = false
  private var isScheduled = false
  /// One user's calls that are in no batch yet.
  private final class UserQueue {
    let userID: Identifier
    // Limited by the number of calls that the server admits at once.
    /// In order of arrival.
    var calls: [PendingCall]
    /// Earlier calls are in a running batch, or are retried in the next one.
    var isHeld = false

    init(_ userID: Identifier, _ calls: [PendingCall]) {
      self.userID = userID
      self.calls = calls
    }
  }

  private var queues: [Identifier: UserQueue] = [:]
  /// Queues that are not held, by the arrival of their first call.
  private var ready: [UserQueue] = []
  /// The number of calls in them.
  private var readyCount = 0
  private var retrying: [PendingUser] = []
  /// Users whose calls are retried under a lock.
  private var needingLock: [PendingUser] = []
  /// Users whose rows a transaction of this process locks for long: their calls wait here, and not
  /// in a batch with others' calls. Each of their queues is held.
  private var parked: Set<Identifier> = []
  /// The users of each running batch, by its number.
  private var running: [Int: [PendingUser]] = [:]
  private var batchNumber = 0
  /// Resumed when a running batch has ended.
  private var awaitingBatchEnd: [CheckedContinuation<Void, Never>] = []
  /// Batches that the database refused, so that they were divided: costly, and a sign of damage.
  private(set) var dividedCount = 0
  private var randomness = SystemRandomNumberGenerator()

  /// - Parameter busyPollMicroseconds: How long the loop polls for the answer to a single call; 0:
  ///   never.
  init(
    loop: EventLoop, database: Database, cache: LedgerCache, limits: StoreLimits, quotas: QuotaMeter,
    turns: RowTurns, hints: HintRelay, busyPollMicroseconds: Int,
    epoch: @escaping () -> Epoch
  ) {
    self.loop = loop
    self.database = database
    self.cache = cache
    self.limits = limits
    self.quotas = quotas
    self.turns = turns
    self.hints = hints
    self.busyPollMicroseconds = busyPollMicroseconds
    self.epoch = epoch
  }

  /// Users whose data is being changed.
  var userCount: Int { queues.count }

  /// Decides and stores one request, together with the others that arrive meanwhile. The change is
  /// durable when this returns.
  func submit(_ request: ChangeRequest) async throws(StoreError) -> Result<ChangeResult, QueueRefusal> {
    loop.preconditionIsCurrent()
    if inFlight > 0 { loop.endBusyPolling() }
    return try unsafe await withUnsafeContinuation { continuation in
      let call = unsafe PendingCall(request, continuation)
      let queue: UserQueue
      if let known = queues[request.userID] {
        queue = known
        queue.calls.append(call)
      } else {
        queue = UserQueue(request.userID, [call])
        queues[request.userID] = queue
        ready.append(queue)
      }
      guard !queue.isHeld else { return }
      readyCount += 1
      schedule()
    }.get()
  }

  // MARK: Batches

  /// At the end of the loop's turn, so that calls of the same turn share the batch.
  private func schedule() {
    guard !isScheduled else { return }
    isScheduled = true
    loop.atEndOfTurn(self)
  }

  func endOfTurn() {
    isScheduled = false
    startBatches()
  }

  private func startBatches() {
    while inFlight == 0
      ? !(ready.isEmpty && retrying.isEmpty) : inFlight < Self.batchesMax && readyCount >= Self.batchOperationsMax
    {
      let users = nextBatch()
      guard !users.isEmpty else { continue }
      inFlight += 1
      let number = noteRunning(users)
      let isAlone = inFlight == 1 && users.count == 1 && users[0].calls.count == 1
      loop.pollBusily(microseconds: isAlone ? busyPollMicroseconds : 0)
      let bound = LoopBound((writer: self, users: users), loop: loop)
      Task(executorPreference: loop) {
        let (writer, users) = bound.value
        let conflicted = await writer.run(users)
        if isAlone { writer.awaitNextCall() }
        writer.inFlight -= 1
        writer.finish(users, conflicted: conflicted, number)
      }
    }
    if !turns.isIdle { needingLock.removeAll { parkAgain($0) } }
    guard !isLockedBatchRunning, !needingLock.isEmpty else { return }
    isLockedBatchRunning = true
    let user = needingLock.removeFirst()
    let number = noteRunning([user])
    let bound = LoopBound((writer: self, user: user), loop: loop)
    Task(executorPreference: loop) {
      let (writer, user) = bound.value
      let conflicted = await writer.runLocked(user)
      writer.isLockedBatchRunning = false
      writer.finish([user], conflicted: conflicted, number)
    }
  }

  /// A client that sends one call at a time may send the next one soon.
  private func awaitNextCall() {
    guard queues.values.allSatisfy(\.calls.isEmpty) else { return }
    loop.pollBusily(microseconds: min(busyPollMicroseconds, Self.nextCallMicrosecondsMax))
  }

  /// Only now may these users' calls be in another batch: a statement has each user once.
  private func finish(_ users: [PendingUser], conflicted: [PendingUser], _ number: Int) {
    running[number] = nil
    for user in conflicted {
      let again = PendingUser(user.userID, user.calls + take(from: queues[user.userID]), attempts: user.attempts)
      if again.attempts < Self.unlockedAttemptsMax { retrying.append(again) } else { needingLock.append(again) }
    }
    let conflictedIDs = Set(conflicted.map(\.userID))
    for user in users where conflictedIDs.isEmpty || !conflictedIDs.contains(user.userID) {
      guard let queue = queues[user.userID] else { continue }
      if queue.calls.isEmpty {
        queues[user.userID] = nil
      } else {
        queue.isHeld = false
        ready.append(queue)
        readyCount += queue.calls.count
      }
    }
    if !awaitingBatchEnd.isEmpty {
      var waiting: [CheckedContinuation<Void, Never>] = []
      swap(&waiting, &awaitingBatchEnd)
      for continuation in waiting { continuation.resume() }
    }
    schedule()
  }

  // MARK: Rows that are locked for long

  private func noteRunning(_ users: [PendingUser]) -> Int {
    batchNumber += 1
    running[batchNumber] = users
    return batchNumber
  }

  /// Waits until no running batch has changes of this user.
  func waitForBatches(of userID: Identifier) async {
    loop.preconditionIsCurrent()
    while running.values.contains(where: { $0.contains { $0.userID == userID } }) {
      await withCheckedContinuation { awaitingBatchEnd.append($0) }
    }
  }

  /// Whether a user's row is locked for long; the user's calls are parked then.
  private func park(_ queue: UserQueue) -> Bool {
    let userID = queue.userID
    let own = LoopBound(self, loop: loop)
    let isTaken = turns.isTaken(.person(userID)) { [loop] in
      Task(executorPreference: loop) { own.value.unpark(userID) }
    }
    guard isTaken else { return false }
    queue.isHeld = true
    parked.insert(userID)
    return true
  }

  /// Parks a user after a conflict: the calls of the batch are the first in the queue again.
  private func parkAgain(_ user: PendingUser) -> Bool {
    guard let queue = queues[user.userID], park(queue) else { return false }
    queue.calls = user.calls + queue.calls
    return true
  }

  private func unpark(_ userID: Identifier) {
    guard parked.remove(userID) != nil, let queue = queues[userID] else { return }
    queue.isHeld = false
    ready.append(queue)
    readyCount += queue.calls.count
    schedule()
  }

  /// Users in conflict first, then the others by arrival; each user once, with all their calls.
  private func nextBatch() -> [PendingUser] {
    var users: [PendingUser] = []
    swap(&users, &retrying)
    if !turns.isIdle {
      users.removeAll { parkAgain($0) }
      ready.removeAll { queue in
        guard park(queue) else { return false }
        readyCount -= queue.calls.count
        return true
      }
    }
    var room = Self.batchOperationsMax - users.reduce(0) { $0 + $1.calls.count }
    var count = 0
    for queue in ready {
      guard room > 0 || users.isEmpty else { break }
      count += 1
      readyCount -= queue.calls.count
      queue.isHeld = true
      users.append(PendingUser(queue.userID, take(from: queue, &room), attempts: 0))
    }
    ready.removeFirst(count)
    return users.sorted { $0.userID < $1.userID }
  }

  private func take(from queue: UserQueue?) -> [PendingCall] {
    var calls: [PendingCall] = []
    if let queue { swap(&calls, &queue.calls) }
    return calls
  }

  /// The first calls, at least one, as far as there is room for their operations. The others wait
  /// for this batch.
  private func take(from queue: UserQueue, _ room: inout Int) -> [PendingCall] {
    var calls = take(from: queue)
    var count = 0
    for call in calls {
      guard room > 0 || count == 0 else { break }
      room -= call.request.operationCount
      count += 1
    }
    if count < calls.count {
      queue.calls = Array(calls.dropFirst(count))
      calls.removeLast(calls.count - count)
    }
    return calls
  }

  private func run(_ users: [PendingUser]) async -> [PendingUser] {
    do throws(StoreError) {
      return try await attempt(users, by: database).map { $0.again() }
    } catch {
      var conflicted: [PendingUser] = []
      if case .fault = error { dividedCount += 1 }
      switch error {
      case .concurrentChange: conflicted = again(users, error)
      // Something in the batch cannot be stored: only the calls that hold it fail.
      case .fault where users.count > 1:
        for user in users {
          conflicted += await run([PendingUser(user.userID, user.calls, attempts: user.attempts)])
        }
      case .fault where users[0].calls.count > 1:
        let user = users[0]
        var again: [PendingCall] = []
        for call in user.calls {
          again += await run([PendingUser(user.userID, [call], attempts: user.attempts)]).flatMap(\.calls)
        }
        if !again.isEmpty { conflicted = [PendingUser(user.userID, again, attempts: user.attempts + 1)] }
      default: for user in users { user.fail(error) }
      }
      return conflicted
    }
  }

  /// - Returns: `users` for another attempt, without those whose attempts are used up: they fail.
  private func again(_ users: [PendingUser], _ error: StoreError) -> [PendingUser] {
    users.compactMap { user in
      guard user.attempts < Self.attemptsMax else {
        user.fail(error)
        return nil
      }
      return user.again()
    }
  }

  private static let lock = Statement(.write, "SELECT FROM heads WHERE user_id = $1 FOR NO KEY UPDATE")

  /// Changes one user's data while holding the lock of the user's row.
  private func runLocked(_ user: PendingUser) async -> [PendingUser] {
    do throws(StoreError) {
      try await database.transacting { transaction throws(StoreError) in
        try await transaction.execute(Self.lock, .identifier(user.userID))
        guard try await attempt([user], isLocked: true, by: transaction).isEmpty else { throw .concurrentChange }
        return .commit(())
      }
      if user.isChanged, let hint = user.hint { hints.send(hint) }
      user.answer()
    } catch {
      if error == .concurrentChange { return again([user], error) }
      user.fail(error)
    }
    return []
  }

  // MARK: Load, decide, store

  /// - Parameter isLocked: Within a transaction that holds the users' locks: no call is answered
  ///   before it has ended.
  /// - Returns: The users whose changes were not stored, because another change came first.
  private func attempt(
    _ users: [PendingUser], isLocked: Bool = false, by runner: some StatementRunner
  ) async throws(StoreError) -> [PendingUser] {
    let epoch = epoch()
    if !isLocked {
      for user in users { user.takeState(from: cache, epoch: epoch) }
      let cached = users.count(where: \.isCached)
      cache.countLookups(hits: cached, misses: users.count - cached)
    }
    try await LoadStatement.readNotices(users, by: runner)
    try await LoadStatement.read(
      users.filter { !$0.isCached }, epoch: epoch, limits: limits, by: runner)
    try await LoadStatement.readOutcomes(users, by: runner)
    try await LoadStatement.readActivity(users, by: runner)
    for user in users {
      user.decide()
      if user.needsFullRead { try await LoadStatement.readFullHabits(user, by: runner) }
      guard let now = user.calls.last?.request.now.wholeMilliseconds else { continue }
      user.ledger?.finishChange(now: now) { Identifier(high: randomness.next(), low: randomness.next()) }
    }
    let changed = users.filter(\.isChanged)
    var stored: Set<Identifier> = []
    if let now = changed.first?.calls.first?.request.now {
      stored = try await ApplyStatement(changed, now: now).run(by: runner)
    }
    var conflicted: [PendingUser] = []
    for user in users {
      if user.isChanged ? !stored.contains(user.userID) : user.isCached {
        conflicted.append(user)
      } else {
        quotas.count(user.quotaCounts)
        guard !isLocked else { continue }
        if user.isChanged, let hint = user.hint { hints.send(hint) }
        user.answer(storingIn: cache)
      }
    }
    return conflicted
  }
}

extension ChangeRequest {
  /// Operations in it, at least 1.
  fileprivate var operationCount: Int {
    if case .queue(let operations) = work { max(1, operations.count) } else { 1 }
  }
}
