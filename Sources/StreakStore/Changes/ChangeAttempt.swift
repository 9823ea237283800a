internal import StreakDomain

/// Attempts to change users' data: load, decide, store, answer.
///
/// The state that the calls touch is taken from the cache or loaded with one statement, each user's
/// calls are decided in order by the domain's rules, and everything is stored by one statement, so
/// by one commit. No call is answered before its change is durable. Loop-confined.
final class ChangeAttempt<Storage: ChangeDatabase> {
  private let database: Storage
  private let cache: LedgerCache
  private let quotas: QuotaMeter
  private let hints: HintRelay
  private let limits: StoreLimits
  /// The database's present epoch.
  private let epoch: () -> Epoch
  /// Batches that the database refused, so that they were divided: costly, and a sign of damage.
  private(set) var dividedCount = 0
  private var randomness = SystemRandomNumberGenerator()

  init(
    database: Storage, cache: LedgerCache, limits: StoreLimits, quotas: QuotaMeter, hints: HintRelay,
    epoch: @escaping () -> Epoch
  ) {
    self.database = database
    self.cache = cache
    self.limits = limits
    self.quotas = quotas
    self.hints = hints
    self.epoch = epoch
  }

  /// Attempts a batch, and answers its calls.
  ///
  /// - Parameter isLocked: Under a lock of the row; the batch has one user.
  /// - Returns: The users whose calls are not answered, because another change came first.
  func run(_ users: [PendingUser], isLocked: Bool) async -> [PendingUser] {
    do throws(StoreError) {
      guard isLocked else { return try await runUnlocked(users) }
      try await runLocked(users[0])
      return []
    } catch {
      if error.isOfStatement { dividedCount += 1 }
      let callCount = users.reduce(0) { $0 + $1.calls.count }
      let isQueue = callCount == 1 && users[0].calls[0].request.isDivisible
      switch ConflictPolicy.remedy(for: error, userCount: users.count, callCount: callCount, isQueue: isQueue) {
      case .attemptAgain: return users.map { $0.again() }
      case .divideUsers:
        var conflicted: [PendingUser] = []
        for user in users { conflicted += await run([user.undecided()], isLocked: isLocked) }
        return conflicted
      case .divideCalls: return await runEachCall(of: users[0], isLocked: isLocked)
      case .divideOperations: return await runParts(of: users[0], isLocked: isLocked)
      case .fail:
        for user in users { user.fail(error) }
        return []
      }
    }
  }

  private func runEachCall(of user: PendingUser, isLocked: Bool) async -> [PendingUser] {
    for (place, call) in user.calls.enumerated() {
      let alone = PendingUser(user.userID, [call], attempts: user.attempts)
      guard await run([alone], isLocked: isLocked).isEmpty else {
        // The later calls follow the one in conflict: they keep their order.
        return [PendingUser(user.userID, Array(user.calls[place...]), attempts: user.attempts + 1)]
      }
    }
    return []
  }

  /// Stores the restated habits and the operations of the user's only call, a queue, in parts.
  /// - Returns: The user: the call is answered as a repetition of what is stored.
  private func runParts(of user: PendingUser, isLocked: Bool) async -> [PendingUser] {
    var unstorable: Set<Identifier> = []
    do throws(StoreError) {
      try await storeParts(of: user.calls[0].request, user, isLocked: isLocked, &unstorable)
      user.calls[0].leaveOut(unstorable)
      return [user.again()]
    } catch {
      if case .concurrentChange = error { return [user.again()] }
      user.fail(error)
      return []
    }
  }

  /// Stores what cannot be stored together: by halves, and an operation that is alone as a rejected
  /// one.
  ///
  /// - Parameter unstorable: Gets the restated habits that cannot be stored.
  private func storeParts(
    of request: ChangeRequest, _ user: PendingUser, isLocked: Bool, _ unstorable: inout Set<Identifier>
  ) async throws(StoreError) {
    guard let (first, second) = request.halves else {
      guard request.restatedHabits.isEmpty else { return unstorable.formUnion(request.restatedHabits.map(\.id)) }
      return try await store(request.malformed, user, isLocked: isLocked)
    }
    for half in [first, second] {
      do throws(StoreError) {
        try await store(half, user, isLocked: isLocked)
      } catch {
        guard case .dataRefused = error else { throw error }
        dividedCount += 1
        try await storeParts(of: half, user, isLocked: isLocked, &unstorable)
      }
    }
  }

  /// Stores a part of the user's only call, without an answer.
  private func store(_ part: ChangeRequest, _ user: PendingUser, isLocked: Bool) async throws(StoreError) {
    let alone = PendingUser(user.userID, [PendingCall(part)], attempts: user.attempts)
    if isLocked { return try await runLocked(alone) }
    guard try await runUnlocked([alone]).isEmpty else { throw .concurrentChange }
  }

  private func runUnlocked(_ users: [PendingUser]) async throws(StoreError) -> [PendingUser] {
    let epoch = epoch()
    for user in users { user.takeState(from: cache, epoch: epoch) }
    let cached = users.count(where: \.isCached)
    cache.countLookups(hits: cached, misses: users.count - cached)
    let stored = try await decideAndStore(users, epoch, by: database)
    var conflicted: [PendingUser] = []
    for user in users {
      if user.isDurable(stored) { finish(user, cache) } else { conflicted.append(user.again()) }
    }
    return conflicted
  }

  /// Holds the lock of the user's row. No call is answered before the transaction has ended.
  private func runLocked(_ user: PendingUser) async throws(StoreError) {
    let epoch = epoch()
    try await database.withLock(of: user.userID) { statements throws(StoreError) in
      let stored = try await decideAndStore([user], epoch, by: statements)
      guard user.isDurable(stored) else { throw .concurrentChange }
    }
    finish(user, nil)
  }

  /// - Returns: The users whose changes were stored.
  private func decideAndStore(
    _ users: [PendingUser], _ epoch: Epoch, by statements: some ChangeStatements
  ) async throws(StoreError) -> Set<Identifier> {
    try await statements.load(users, epoch: epoch, limits: limits)
    for user in users {
      user.decide()
      if user.needsFullRead { try await statements.loadFullHabits(user) }
      guard let now = user.calls.last?.request.now.wholeMilliseconds else { continue }
      user.ledger?.finishChange(now: now) { Identifier(high: randomness.next(), low: randomness.next()) }
    }
    let changed = users.filter(\.isChanged)
    guard let now = changed.first?.calls.first?.request.now else { return [] }
    return try await statements.store(changed, now: now) { [self] in self.epoch() == epoch }
  }

  /// The change is durable, or there was nothing to store.
  private func finish(_ user: PendingUser, _ cache: LedgerCache?) {
    quotas.count(user.quotaCounts)
    if user.isChanged, let hint = user.hint { hints.send(hint) }
    user.answer(storingIn: cache)
  }
}

extension ChangeRequest {
  fileprivate var isDivisible: Bool {
    if case .queue(let operations) = work { !operations.isEmpty || !restatedHabits.isEmpty } else { false }
  }

  /// Two requests: one for the restated habits and one for the operations, or halves of either; nil
  /// if there is one item. What else the request holds is done with the first of them, but for the
  /// end of the queue.
  fileprivate var halves: (ChangeRequest, ChangeRequest)? {
    guard case .queue(let operations) = work else { return nil }
    if !operations.isEmpty && !restatedHabits.isEmpty {
      return (part([], restating: restatedHabits), part(operations, restating: []))
    }
    if operations.count > 1 {
      let middle = operations.count / 2
      return (part(Array(operations[..<middle]), restating: []), part(Array(operations[middle...]), restating: []))
    }
    guard restatedHabits.count > 1 else { return nil }
    let middle = restatedHabits.count / 2
    return (
      part([], restating: Array(restatedHabits[..<middle])), part([], restating: Array(restatedHabits[middle...]))
    )
  }

  /// The same with operations that are rejected.
  fileprivate var malformed: ChangeRequest {
    guard case .queue(let operations) = work else { return self }
    return part(operations.map(\.malformed), restating: [])
  }

  /// A request with other operations and restated habits.
  func part(
    _ operations: [QueuedOperation], restating habits: [SyncChanges.Habit], queueDrained: Bool = false
  ) -> ChangeRequest {
    ChangeRequest(
      userID: userID, deviceID: deviceID, work: .queue(operations), queueDrained: queueDrained, now: now,
      waitsForHabits: waitsForHabits, restatedHabits: habits, oldestKeptSeq: oldestKeptSeq,
      acknowledgedSeq: acknowledgedSeq, receivedNumber: receivedNumber, sentAt: sentAt, epoch: epoch)
  }
}

extension QueuedOperation {
  /// The same operation, which is rejected and stored with its payload.
  fileprivate var malformed: QueuedOperation {
    let rejected = Operation(seq: operation.seq, time: operation.time, seen: operation.seen, change: .malformed)
    return QueuedOperation(operation: rejected, payload: payload, payloadHash: payloadHash)
  }
}

extension PendingUser {
  /// Whether the decisions hold: what there was to store is stored, or they store nothing and were
  /// made on loaded data.
  fileprivate func isDurable(_ stored: Set<Identifier>) -> Bool {
    isChanged ? stored.contains(userID) : !isCached
  }
}
