import EventLoop

/// One loop's connections, and the queue in front of them. Loop-confined.
///
/// Single statements go to the shared connection that owes the fewest answers. A transaction
/// reserves a connection. That connection may still owe answers to other calls; the transaction's
/// statements follow them. If there is more than one connection, one always stays shared.
/// `PoolState` decides all of that; the pool connects, sends and waits.
final class PostgresPool {
  /// Milliseconds between checks for expired queue deadlines and silent servers.
  static let housekeepingMilliseconds: UInt64 = 100

  let loop: EventLoop
  let configuration: PostgresConfiguration
  private var state: PoolState
  /// By slot.
  private var connections: [PostgresConnection?]
  /// By slot: the wait before the next attempt to connect.
  private var retryTimers: [LoopTimer?]
  private var randomness: AnyRandomness
  private let onEvent: (PostgresEvent) -> Void
  private var housekeeping: LoopTimer?
  private var drainWaiter: DatabaseWork?
  /// Counters, without the statements sent on the connections that are open.
  var counted = PostgresMetrics()

  init(
    loop: EventLoop, configuration: PostgresConfiguration, randomness: any RandomNumberGenerator,
    onEvent: @escaping @Sendable (PostgresEvent) -> Void
  ) {
    self.loop = loop
    self.configuration = configuration
    self.randomness = AnyRandomness(randomness)
    self.onEvent = onEvent
    state = PoolState(configuration)
    connections = Array(repeating: nil, count: configuration.connectionsPerLoop)
    retryTimers = Array(repeating: nil, count: configuration.connectionsPerLoop)
  }

  func start() {
    for slot in connections.indices { connect(slot: slot) }
    housekeeping = loop.schedule(
      afterMilliseconds: Self.housekeepingMilliseconds, repeatMilliseconds: Self.housekeepingMilliseconds
    ) { [unowned self] in runMaintenance() }
  }

  func run(_ step: BoundStatement, while condition: (() -> Bool)? = nil) async throws(DatabaseError) -> QueryResult {
    let work = makeWork(step.statement.access == .read ? .read : .write, [step], while: condition)
    try await perform(work)
    return try work.takeOnlyResult()
  }

  func run(_ batch: Batch) async throws(DatabaseError) -> BatchResult {
    guard !batch.steps.isEmpty else { return BatchResult(results: []) }
    let work = makeWork(.write, batch.steps)
    try await perform(work)
    return BatchResult(results: work.results)
  }

  func makeWork(
    _ kind: DatabaseWork.Kind, _ steps: [BoundStatement], while condition: (() -> Bool)? = nil
  ) -> DatabaseWork {
    DatabaseWork(
      kind, steps: steps, deadlineMilliseconds: loop.nowMilliseconds + configuration.queueWaitMilliseconds,
      while: condition)
  }

  /// Queues or sends the work and waits until it ends or the task is cancelled.
  private func perform(_ work: DatabaseWork) async throws(DatabaseError) {
    guard !Task.isCancelled else { throw .cancelled }
    guard !state.isClosing else { throw .unreachable(reason: "the pool is closed") }
    let loop = loop
    let bound = LoopBound((pool: self, work: work), loop: loop)
    await withTaskCancellationHandler {
      await work.wait { act(state.place(work) { load(slot: $0) }, on: work) }
    } onCancel: {
      loop.execute { bound.value.pool.abandon(bound.value.work) }
    }
    if let failure = work.failure {
      report(failure, of: work)
      throw failure
    }
  }

  /// Counts and reports a failure.
  func report(_ failure: DatabaseError, of work: DatabaseWork) {
    counted.failed(failure)
    onEvent(.failed(failure, statement: work.currentStatement?.label))
  }

  /// The current state.
  var metrics: PostgresMetrics {
    var metrics = counted
    metrics.connectionsMax = connections.count
    for slot in connections.indices {
      guard let connection = connections[slot] else { continue }
      metrics.statementsSent += connection.statementsSent
      guard connection.isReady else { continue }
      metrics.connectionsOpen += 1
      if !connection.isIdle || state.slots[slot] == .reserved { metrics.connectionsBusy += 1 }
    }
    metrics.statementsWaiting = state.statementsWaiting
    metrics.transactionsWaiting = state.transactionsWaiting
    return metrics
  }

  // MARK: Transactions

  /// A connection for one transaction; give it back with `release(_:)`.
  func reserve() async throws(DatabaseError) -> PostgresConnection {
    let work = makeWork(.reservation, [])
    try await perform(work)
    guard let connection = work.connection else { preconditionFailure("a reservation ended with nothing") }
    return connection
  }

  /// Takes a transaction's connection back. It is used again only if it is known to be between
  /// transactions.
  func release(_ connection: PostgresConnection) {
    if let slot = slot(of: connection) {
      let isReusable = !connection.isCancelSent && connection.isIdle && connection.isOutsideTransaction
      switch state.release(slot: slot, isReusable: isReusable) {
      case .share: serveQueues()
      case .discard: connection.fail("discarded after a transaction that did not end cleanly")
      }
    }
    finishDraining()
  }

  // MARK: Queues

  private func load(slot: Int) -> Int? {
    guard let connection = connections[slot], connection.isUsable else { return nil }
    return connection.pipeline.stepCount
  }

  private func act(_ placement: PoolState.Placement, on work: DatabaseWork) {
    switch placement {
    case .send(let slot):
      if let condition = work.condition, !condition() { return work.finish(.superseded) }
      connections[slot]?.submit(work)
    case .grant(let slot):
      work.connection = connections[slot]
      work.finish()
    case .wait: break
    case .refuse(let limit): work.finish(.limitExceeded(limit))
    }
  }

  private func serveQueues() {
    while let next = state.next({ load(slot: $0) }) { act(next.placement, on: next.work) }
  }

  /// The caller's task was cancelled. What was sent stays sent; its answer is dropped.
  private func abandon(_ work: DatabaseWork) {
    guard !work.isFinished else {
      // The reservation was granted in the meantime. Its transaction uses the connection and
      // releases it.
      return
    }
    state.remove(work)
    work.finish(.cancelled)
    finishDraining()
  }

  private func runMaintenance() {
    let now = loop.nowMilliseconds
    while let work = state.nextExpired(nowMilliseconds: now) {
      work.finish(.unreachable(reason: state.queueTimeoutReason))
    }
    for slot in connections.indices { maintain(slot: slot, now) }
    finishDraining()
  }

  /// Closes a connection that cannot serve, and replaces one for which a better one may exist.
  private func maintain(slot: Int, _ now: UInt64) {
    guard let connection = connections[slot] else { return }
    connection.checkSilence(nowMilliseconds: now)
    guard connection.isReady else { return }
    let condition = PoolState.Condition(
      isStale: connection.isStale, isRetiring: connection.isRetiring, isIdle: connection.isIdle,
      readOnlySinceMilliseconds: connection.readOnlySinceMilliseconds)
    switch state.upkeep(slot: slot, condition, nowMilliseconds: now) {
    case .nothing: break
    case .close: connection.fail("another database is in use now")
    case .retire: connection.isRetiring = true
    case .replace:
      counted.statementsSent += connection.statementsSent
      connection.close()
      connect(slot: slot)
    }
  }

  // MARK: Connections

  private func slot(of connection: PostgresConnection) -> Int? { connections.firstIndex { $0 === connection } }

  private func connect(slot: Int) {
    retryTimers[slot] = nil
    guard state.connect(slot: slot) else { return }
    let connection = PostgresConnection(loop: loop, configuration: configuration, owner: self)
    connections[slot] = connection
    connection.start()
  }

  /// Admits a connection: calls may use it.
  private func open(_ connection: PostgresConnection, slot: Int) {
    state.open(slot: slot)
    onEvent(
      .connected(processID: connection.processID, identity: connection.identity, isReadOnly: connection.isReadOnly))
    serveQueues()
  }

  /// Waits for running work, for a limited time, then closes every connection.
  func close() async {
    state.beginClosing()
    let waiter = makeWork(.reservation, [])
    let timer = loop.schedule(afterMilliseconds: configuration.closeTimeoutMilliseconds) { waiter.finish() }
    await waiter.wait {
      drainWaiter = waiter
      finishDraining()
    }
    timer.cancel()
    drainWaiter = nil
    housekeeping?.cancel()
    housekeeping = nil
    for slot in connections.indices {
      retryTimers[slot]?.cancel()
      retryTimers[slot] = nil
      connections[slot]?.fail("the pool is closed")
      connections[slot] = nil
    }
    for work in state.close() { work.finish(.unreachable(reason: "the pool is closed")) }
  }

  private func finishDraining() {
    guard let drainWaiter, state.isDrained(isIdle: { connections[$0]?.isIdle ?? true }) else { return }
    drainWaiter.finish()
  }
}

extension PostgresPool: PostgresConnectionOwner {
  func connectionBecameReady(_ connection: PostgresConnection) {
    guard let slot = slot(of: connection) else { return }
    counted.connectsSucceeded += 1
    state.connected(slot: slot)
    guard let admit = configuration.admit else { return open(connection, slot: slot) }
    let new = LoopBound(NewConnection(identity: connection.identity, connection: connection), loop: loop)
    let bound = LoopBound((pool: self, connection: connection), loop: loop)
    Task(executorPreference: loop) {
      let (pool, connection) = bound.value
      var refusal: DatabaseError?
      do throws(DatabaseError) { try await admit(new.value) } catch { refusal = error }
      guard connection.isReady, let slot = pool.slot(of: connection) else { return }
      if let refusal { return connection.fail("not used: \(refusal)") }
      pool.open(connection, slot: slot)
    }
  }

  func connection(
    _ connection: PostgresConnection, brokeFor reason: String, wasReady: Bool,
    broken: [Pipeline<DatabaseWork>.BrokenWork]
  ) {
    for broken in broken.reversed() { end(broken, reason, endedByServer: connection.endedByServer) }
    guard let slot = slot(of: connection) else { return }
    connections[slot] = nil
    counted.statementsSent += connection.statementsSent
    switch state.broke(slot: slot, reason: reason, using: &randomness) {
    case .nothing: finishDraining()
    case .reconnect(let delay, let wasOpen):
      if wasReady { counted.connectionsLost += 1 } else { counted.connectsFailed += 1 }
      onEvent(wasOpen ? .connectionLost(reason: reason) : .connectFailed(reason: reason, retryMilliseconds: delay))
      retryTimers[slot] = loop.schedule(afterMilliseconds: delay) { [unowned self] in connect(slot: slot) }
      serveQueues()
    }
  }

  func connection(_ connection: PostgresConnection, finished segment: Pipeline<DatabaseWork>.Segment) {
    if let failure = segment.failure, segment.works.count > 1 {
      for work in segment.works {
        if work === failure.work {
          work.finish(connection.cause(of: failure.error, in: work))
        } else if !work.isFinished {
          work.prepareToRunAlone()
          state.runAgain(work)
        }
      }
    } else {
      for work in segment.works {
        let error = segment.failure.map { connection.cause(of: $0.error, in: work) }
        work.finish(work.isCancelRequested ? .cancelled : error)
      }
    }
    if !state.queuesAreEmpty { serveQueues() }
    if drainWaiter != nil { finishDraining() }
  }

  func connection(_ connection: PostgresConnection, received notification: PostgresNotification) {}

  func connection(_ connection: PostgresConnection, receivedNotice text: String) {
    onEvent(.notice(text))
  }

  private func end(_ broken: Pipeline<DatabaseWork>.BrokenWork, _ reason: String, endedByServer: Bool) {
    let work = broken.work
    let end = WorkEnd(
      of: work, unansweredSteps: broken.unansweredSteps, reason: reason, endedByServer: endedByServer,
      isClosing: state.isClosing)
    switch end {
    case .nothing: break
    case .runAgain:
      work.wasRunAgain = true
      work.prepareToRunAlone()
      state.runAgain(work)
    case .fail(let error): work.finish(error)
    }
  }
}

/// A type-erased random number generator.
struct AnyRandomness: RandomNumberGenerator {
  private var generator: any RandomNumberGenerator

  init(_ generator: any RandomNumberGenerator) { self.generator = generator }

  mutating func next() -> UInt64 { generator.next() }
}
