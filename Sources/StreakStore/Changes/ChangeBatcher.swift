internal import EventLoop
internal import StreakDomain

/// Changes users' data in natural batches: while one batch runs the next collects.
///
/// `BatchQueue` decides which calls are in which batch, `ChangeAttempt` loads, decides, stores and
/// answers. No lock is held over a round trip: on a conflict nothing is stored for that user, and
/// the user's calls are retried in the next batch; after four attempts, under a lock of the user's
/// row. Loop-confined.
final class ChangeBatcher<Storage: ChangeDatabase> {
  private let loop: EventLoop
  private let attempt: ChangeAttempt<Storage>
  private let turns: RowTurns
  private let busyPollMicroseconds: Int
  private var queue: BatchQueue
  private var isScheduled = false
  private let endOfTurn = EndOfTurnCall()
  /// Resumed when a running batch has ended.
  private var awaitingBatchEnd: [CheckedContinuation<Void, Never>] = []

  /// How long the loop stays awake, if it does, for the next call of a client that sends one at a
  /// time.
  private static var nextCallMicrosecondsMax: Int { 500 }

  /// - Parameter busyPollMicroseconds: How long the loop polls for the answer to a single call; 0:
  ///   never.
  init(
    loop: EventLoop, attempt: ChangeAttempt<Storage>, turns: RowTurns, busyPollMicroseconds: Int,
    queue: BatchQueue = BatchQueue()
  ) {
    self.loop = loop
    self.attempt = attempt
    self.turns = turns
    self.busyPollMicroseconds = busyPollMicroseconds
    self.queue = queue
    endOfTurn.body = { [unowned self] in act() }
  }

  /// Users whose data is being changed.
  var userCount: Int { queue.userCount }
  /// Batches that the database refused, so that they were divided.
  var dividedCount: Int { attempt.dividedCount }

  /// Decides and stores one request, together with the others that arrive meanwhile. The change is
  /// durable when this returns.
  func submit(_ request: ChangeRequest) async throws(StoreError) -> Result<ChangeResult, QueueRefusal> {
    loop.preconditionIsCurrent()
    if queue.batchesRunning > 0 { loop.endBusyPolling() }
    return try unsafe await withUnsafeContinuation { continuation in
      if queue.receive(unsafe PendingCall(request, continuation)) { schedule() }
    }.get()
  }

  /// Waits until no running batch has changes of this user.
  func waitForBatches(of userID: Identifier) async {
    loop.preconditionIsCurrent()
    while queue.isRunning(userID) {
      await withCheckedContinuation { awaitingBatchEnd.append($0) }
    }
  }

  /// Acts at the end of the loop's turn, so that calls of the same turn share the batch.
  private func schedule() {
    guard !isScheduled else { return }
    isScheduled = true
    endOfTurn.owner = self
    loop.atEndOfTurn(endOfTurn)
  }

  private func act() {
    isScheduled = false
    if !turns.isIdle { parkUsers() }
    while let action = queue.nextAction() {
      switch action {
      case .run(let users): start(users, isLocked: false)
      case .runLocked(let user): start([user], isLocked: true)
      case .fail(let user): user.fail(.concurrentChange)
      }
    }
  }

  private func start(_ users: [PendingUser], isLocked: Bool) {
    let isAlone = !isLocked && queue.batchesRunning == 1 && users.count == 1 && users[0].calls.count == 1
    if !isLocked { loop.pollBusily(microseconds: isAlone ? busyPollMicroseconds : 0) }
    let bound = LoopBound((batcher: self, users: users), loop: loop)
    Task(executorPreference: loop) {
      let (batcher, users) = bound.value
      let conflicted = await batcher.attempt.run(users, isLocked: isLocked)
      if isAlone { batcher.awaitNextCall() }
      batcher.queue.ended(users, isLocked: isLocked, conflicted: conflicted)
      batcher.batchEnded()
    }
  }

  /// A client that sends one call at a time may send the next one soon.
  private func awaitNextCall() {
    guard queue.isEmpty else { return }
    loop.pollBusily(microseconds: min(busyPollMicroseconds, Self.nextCallMicrosecondsMax))
  }

  private func batchEnded() {
    if !awaitingBatchEnd.isEmpty {
      var waiting: [CheckedContinuation<Void, Never>] = []
      swap(&waiting, &awaitingBatchEnd)
      for continuation in waiting { continuation.resume() }
    }
    schedule()
  }

  /// Tells the queue whose rows are locked for long now.
  private func parkUsers() {
    let own = LoopBound(self, loop: loop)
    for userID in queue.usersToRun {
      let isTaken = turns.isTaken(.person(userID)) { [loop] in
        Task(executorPreference: loop) { own.value.rowFreed(userID) }
      }
      if isTaken { queue.rowTaken(userID) }
    }
  }

  private func rowFreed(_ userID: Identifier) {
    if queue.rowFreed(userID) { schedule() }
  }
}

/// Calls `body` at the end of a loop's turn. Of a generic class the loop would call code that is
/// not specialised; this closure is made where the class is.
private final class EndOfTurnCall: EndOfTurnWork {
  var body: () -> Void = {}
  /// Kept alive until the call, since `body` does not own it.
  var owner: AnyObject?

  func endOfTurn() {
    withExtendedLifetime(owner.take()) { body() }
  }
}
