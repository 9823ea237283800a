import DequeModule
import EventLoop

/// One loop's connections, and the queue in front of them. Loop-confined.
///
/// Single statements go to the shared connection that owes the fewest answers. A transaction
/// reserves a connection. That connection may still owe answers to other calls; the transaction's
/// statements follow them. If there is more than one connection, one always stays shared.
final class PostgresPool {
  private struct Slot {
    var connection: PostgresConnection?
    var backoff: ReconnectBackoff
    var retryTimer: LoopTimer?
  }

  /// Milliseconds between checks for expired queue deadlines and silent servers.
  static let housekeepingMilliseconds: UInt64 = 100

  let loop: EventLoop
  let configuration: PostgresConfiguration
  private var randomness: AnyRandomness
  private let onEvent: (PostgresEvent) -> Void
  private var slots: [Slot]
  /// Statements waiting for a connection, in the order of arrival.
  private var queuedStatements: Deque<DatabaseWork> = []
  /// Transactions waiting for a connection.
  private var queuedReservations: Deque<DatabaseWork> = []
  private var housekeeping: LoopTimer?
  /// Why the last attempt to connect failed; nil after a success.
  private var lastConnectFailure: String?
  private var isClosing = false
  private var drainWaiter: DatabaseWork?
  /// Counters, without the statements sent on the connections that are open.
  var counted = PostgresMetrics()

  init(
    loop: EventLoop, configuration: PostgresConfiguration, randomness: any RandomNumberGenerator,
    onEvent: @escaping @Sendable (PostgresEvent) -> Void
  ) {
    precondition(configuration.connectionsPerLoop > 0, "a pool needs a connection")
    self.loop = loop
    self.configuration = configuration
    self.randomness = AnyRandomness(randomness)
    self.onEvent = onEvent
    let backoff = ReconnectBackoff(
      minMilliseconds: configuration.reconnectDelayMinMilliseconds,
      maxMilliseconds: configuration.reconnectDelayMaxMilliseconds)
    slots = Array(repeating: Slot(backoff: backoff), count: configuration.connectionsPerLoop)
  }

  func start() {
    for index in slots.indices { connect(slot: index) }
    housekeeping = loop.schedule(
      afterMilliseconds: Self.housekeepingMilliseconds, repeatMilliseconds: Self.housekeepingMilliseconds
    ) { [unowned self] in runMaintenance() }
  }

  func run(_ step: BoundStatement) async throws(DatabaseError) -> QueryResult {
    let work = makeWork(step.statement.access == .read ? .read : .write, [step])
    try await perform(work)
    return try work.takeOnlyResult()
  }

  func run(_ batch: Batch) async throws(DatabaseError) -> BatchResult {
    guard !batch.steps.isEmpty else { return BatchResult(results: []) }
    let work = makeWork(.write, batch.steps)
    try await perform(work)
    return BatchResult(results: work.results)
  }

  func makeWork(_ kind: DatabaseWork.Kind, _ steps: [BoundStatement]) -> DatabaseWork {
    DatabaseWork(
      kind, steps: steps, deadlineMilliseconds: loop.nowMilliseconds + configuration.queueWaitMilliseconds)
  }

  /// Queues or sends the work and waits until it ends or the task is cancelled.
  private func perform(_ work: DatabaseWork) async throws(DatabaseError) {
    guard !Task.isCancelled else { throw .cancelled }
    guard !isClosing else { throw .unreachable(reason: "the pool is closed") }
    let loop = loop
    let bound = LoopBound((pool: self, work: work), loop: loop)
    await withTaskCancellationHandler {
      await work.wait { accept(work) }
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
    metrics.connectionsMax = slots.count
    for case let connection? in slots.map(\.connection) {
      metrics.statementsSent += connection.statementsSent
      guard connection.isReady else { continue }
      metrics.connectionsOpen += 1
      if !connection.isIdle || connection.isExclusive { metrics.connectionsBusy += 1 }
    }
    metrics.statementsWaiting = queuedStatements.count
    metrics.transactionsWaiting = queuedReservations.count
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
    connection.isExclusive = false
    if connection.isReady {
      if connection.isCancelSent || !connection.isIdle || !connection.isOutsideTransaction {
        connection.fail("discarded after a transaction that did not end cleanly")
      } else {
        serveQueues()
      }
    }
    finishDraining()
  }

  // MARK: Queues

  private func accept(_ work: DatabaseWork) {
    if work.kind == .reservation {
      guard let connection = reservableConnection, queuedReservations.isEmpty else {
        return enqueue(work, in: &queuedReservations, max: configuration.queuedTransactionsMax, .queuedTransactionsMax)
      }
      grant(connection, to: work)
    } else {
      guard let connection = sharedConnection, queuedStatements.isEmpty else {
        return enqueue(work, in: &queuedStatements, max: configuration.queuedStatementsMax, .queuedStatementsMax)
      }
      connection.submit(work)
    }
  }

  private func enqueue(_ work: DatabaseWork, in queue: inout Deque<DatabaseWork>, max: Int, _ limit: PostgresLimit) {
    guard queue.count < max else { return work.finish(.limitExceeded(limit)) }
    queue.append(work)
  }

  /// The shared connection that owes the fewest answers and may take one more.
  private var sharedConnection: PostgresConnection? {
    var best: PostgresConnection?
    var bestCount = configuration.statementsInFlightPerConnectionMax
    for slot in slots {
      guard let connection = slot.connection, connection.isUsable, !connection.isExclusive else { continue }
      guard connection.pipeline.stepCount < bestCount else { continue }
      best = connection
      bestCount = connection.pipeline.stepCount
    }
    return best
  }

  private var reservableConnection: PostgresConnection? {
    let exclusiveCount = slots.count { $0.connection?.isExclusive == true }
    guard exclusiveCount < max(1, slots.count - 1) else { return nil }
    return sharedConnection
  }

  private func grant(_ connection: PostgresConnection, to work: DatabaseWork) {
    connection.isExclusive = true
    work.connection = connection
    work.finish()
  }

  private func serveQueues() {
    while !queuedReservations.isEmpty, let connection = reservableConnection {
      grant(connection, to: queuedReservations.removeFirst())
    }
    while !queuedStatements.isEmpty, let connection = sharedConnection {
      connection.submit(queuedStatements.removeFirst())
    }
  }

  /// The caller's task was cancelled. What was sent stays sent; its answer is dropped.
  private func abandon(_ work: DatabaseWork) {
    guard !work.isFinished else {
      // The reservation was granted in the meantime. Its transaction uses the connection and
      // releases it.
      return
    }
    queuedStatements.removeAll { $0 === work }
    queuedReservations.removeAll { $0 === work }
    work.finish(.cancelled)
    finishDraining()
  }

  private func runMaintenance() {
    let now = loop.nowMilliseconds
    // Works that are run again keep their deadline and stand at the front, so the front always
    // expires first.
    while let work = queuedStatements.first, work.deadlineMilliseconds <= now {
      queuedStatements.removeFirst().finish(.unreachable(reason: queueTimeoutReason))
    }
    while let work = queuedReservations.first, work.deadlineMilliseconds <= now {
      queuedReservations.removeFirst().finish(.unreachable(reason: queueTimeoutReason))
    }
    for index in slots.indices { replaceUnusable(slot: index, now) }
    finishDraining()
  }

  private var queueTimeoutReason: String {
    guard let lastConnectFailure else { return "no connection was free in time" }
    return "no connection could be made in time: \(lastConnectFailure)"
  }

  /// Closes connections that cannot serve, and replaces those for which a better one may exist.
  private func replaceUnusable(slot index: Int, _ now: UInt64) {
    guard let connection = slots[index].connection else { return }
    connection.checkSilence(nowMilliseconds: now)
    guard connection.isReady else { return }
    if connection.isStale { return connection.fail("another database is in use now") }
    if let since = connection.readOnlySinceMilliseconds, now >= since + configuration.readOnlyRecheckMilliseconds {
      connection.isRetiring = true
    }
    guard connection.isRetiring, connection.isAdmitted, connection.isIdle, !connection.isExclusive else { return }
    counted.statementsSent += connection.statementsSent
    connection.close()
    connect(slot: index)
  }

  // MARK: Connections

  private func connect(slot index: Int) {
    slots[index].retryTimer = nil
    guard !isClosing else { return }
    let connection = PostgresConnection(loop: loop, configuration: configuration, owner: self)
    slots[index].connection = connection
    connection.start()
  }

  /// Waits for running work, for a limited time, then closes every connection.
  func close() async {
    isClosing = true
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
    for index in slots.indices {
      slots[index].retryTimer?.cancel()
      slots[index].retryTimer = nil
      slots[index].connection?.fail("the pool is closed")
      slots[index].connection = nil
    }
    while let work = queuedStatements.popFirst() { work.finish(.unreachable(reason: "the pool is closed")) }
    while let work = queuedReservations.popFirst() { work.finish(.unreachable(reason: "the pool is closed")) }
  }

  private func finishDraining() {
    guard let drainWaiter, queuedStatements.isEmpty, queuedReservations.isEmpty else { return }
    let isBusy = slots.contains { slot in
      slot.connection.map { !$0.isIdle || $0.isExclusive } ?? false
    }
    if !isBusy { drainWaiter.finish() }
  }
}

extension PostgresPool: PostgresConnectionOwner {
  func connectionBecameReady(_ connection: PostgresConnection) {
    guard let index = slots.firstIndex(where: { $0.connection === connection }) else { return }
    counted.connectsSucceeded += 1
    guard let admit = configuration.admit else { return open(connection, slot: index) }
    let new = LoopBound(NewConnection(identity: connection.identity, connection: connection), loop: loop)
    let bound = LoopBound((pool: self, connection: connection), loop: loop)
    Task(executorPreference: loop) {
      let (pool, connection) = bound.value
      var refusal: DatabaseError?
      do throws(DatabaseError) { try await admit(new.value) } catch { refusal = error }
      guard connection.isReady, let index = pool.slots.firstIndex(where: { $0.connection === connection }) else {
        return
      }
      if let refusal { return connection.fail("not used: \(refusal)") }
      pool.open(connection, slot: index)
    }
  }

  /// Admits a connection: calls may use it.
  private func open(_ connection: PostgresConnection, slot index: Int) {
    slots[index].backoff.reset()
    lastConnectFailure = nil
    connection.isAdmitted = true
    onEvent(
      .connected(processID: connection.processID, identity: connection.identity, isReadOnly: connection.isReadOnly))
    serveQueues()
  }

  func connection(
    _ connection: PostgresConnection, brokeFor reason: String, wasReady: Bool,
    broken: [Pipeline<DatabaseWork>.BrokenWork]
  ) {
    for broken in broken.reversed() { endAfterBreak(broken, reason, endedByServer: connection.endedByServer) }
    guard let index = slots.firstIndex(where: { $0.connection === connection }) else { return }
    slots[index].connection = nil
    counted.statementsSent += connection.statementsSent
    guard !isClosing else { return finishDraining() }
    if wasReady { counted.connectionsLost += 1 } else { counted.connectsFailed += 1 }
    if !connection.isAdmitted { lastConnectFailure = reason }
    let delay = slots[index].backoff.nextDelayMilliseconds(using: &randomness)
    onEvent(
      connection.isAdmitted
        ? .connectionLost(reason: reason) : .connectFailed(reason: reason, retryMilliseconds: delay))
    slots[index].retryTimer = loop.schedule(afterMilliseconds: delay) { [unowned self] in connect(slot: index) }
    serveQueues()
  }

  func connection(_ connection: PostgresConnection, finished segment: Pipeline<DatabaseWork>.Segment) {
    if let failure = segment.failure, segment.works.count > 1 {
      for work in segment.works {
        if work === failure.work {
          work.finish(connection.cause(of: failure.error, in: work))
        } else if !work.isFinished {
          work.prepareToRunAlone()
          queuedStatements.prepend(work)
        }
      }
    } else {
      for work in segment.works {
        let error = segment.failure.map { connection.cause(of: $0.error, in: work) }
        work.finish(work.isCancelRequested ? .cancelled : error)
      }
    }
    if !queuedStatements.isEmpty || !queuedReservations.isEmpty { serveQueues() }
    if drainWaiter != nil { finishDraining() }
  }

  func connection(_ connection: PostgresConnection, received notification: PostgresNotification) {}

  func connection(_ connection: PostgresConnection, receivedNotice text: String) {
    onEvent(.notice(text))
  }

  /// - Parameter endedByServer: The server ended the session with an error message, so that nothing
  ///   without an answer took effect.
  private func endAfterBreak(
    _ broken: Pipeline<DatabaseWork>.BrokenWork, _ reason: String, endedByServer: Bool
  ) {
    let work = broken.work
    guard !work.isFinished else { return }
    switch work.kind {
    case .read:
      guard !work.wasRunAgain, !isClosing else { return work.finish(.unreachable(reason: reason)) }
      work.wasRunAgain = true
      work.prepareToRunAlone()
      queuedStatements.prepend(work)
    case .transactionStep: work.finish(work.isCancelRequested ? .cancelled : .unreachable(reason: reason))
    case .write:
      // Its transaction commits only after the answer to its last step.
      let isUndone = endedByServer && broken.unansweredSteps > 0
      work.finish(isUndone ? .unreachable(reason: reason) : .outcomeUnknown(reason: reason))
    case .commit:
      // COMMIT is its last step and takes effect before its answer.
      let isUndone = endedByServer && broken.unansweredSteps > 1
      work.finish(isUndone ? .unreachable(reason: reason) : .outcomeUnknown(reason: reason))
    case .reservation: preconditionFailure("a reservation sends nothing")
    }
  }
}

/// A type-erased random number generator.
struct AnyRandomness: RandomNumberGenerator {
  private var generator: any RandomNumberGenerator

  init(_ generator: any RandomNumberGenerator) { self.generator = generator }

  mutating func next() -> UInt64 { generator.next() }
}
