import StreakDomain
@testable import StreakStore
import Testing

@Suite struct BatchQueueTests {
  private let a = Identifier(high: 0, low: 1)
  private let b = Identifier(high: 0, low: 2)
  private let c = Identifier(high: 0, low: 3)

  private func call(_ userID: Identifier, operations: Int? = nil) -> PendingCall {
    let work: ChangeRequest.Work =
      if let operations {
        .queue(
          (0..<operations).map {
            QueuedOperation(
              operation: Operation(seq: Int64($0), time: .zero, seen: .nothing, change: .malformed), payload: [],
              payloadHash: [])
          })
      } else {
        .direct(.malformed)
      }
    return PendingCall(
      ChangeRequest(userID: userID, deviceID: .zero, work: work, queueDrained: false, now: .sample))
  }

  private func isSame(_ calls: some Sequence<PendingCall>, _ others: some Sequence<PendingCall>) -> Bool {
    calls.elementsEqual(others) { $0 === $1 }
  }

  /// Ends a batch in which every user met another change.
  private func conflict(_ users: [PendingUser], isLocked: Bool = false, in queue: TestedQueue) {
    queue.ended(users, isLocked: isLocked, conflicted: users.map { $0.again() })
  }

  @Test("nothing is to be done without calls, and after the last one nothing is kept")
  func empty() throws {
    let queue = TestedQueue()
    #expect(queue.hasNothingToDo && queue.isEmpty && queue.userCount == 0)
    #expect(queue.receive(call(a)))
    #expect(!queue.isEmpty && queue.userCount == 1)
    let users = try #require(queue.startBatch())
    #expect(queue.isEmpty && queue.isRunning(a) && queue.batchesRunning == 1)
    queue.ended(users, isLocked: false, conflicted: [])
    #expect(queue.hasNothingToDo && queue.userCount == 0 && queue.batchesRunning == 0 && !queue.isRunning(a))
  }

  @Test("a batch has each user once, by ascending id, with the calls in the order of their arrival")
  func order() throws {
    let queue = TestedQueue()
    let calls = [b, a, b, c, a].map { call($0) }
    for call in calls {
      #expect(queue.receive(call))
    }
    let users = try #require(queue.startBatch())
    #expect(users.map(\.userID) == [a, b, c])
    #expect(isSame(users[0].calls, [calls[1], calls[4]]))
    #expect(isSame(users[1].calls, [calls[0], calls[2]]))
    #expect(users.allSatisfy { $0.attempts == 0 })
  }

  @Test("calls of a user in a running batch wait for its end; other users' wait too, until the next batch is full")
  func held() throws {
    let queue = TestedQueue(operationsMax: 3)
    _ = queue.receive(call(a))
    let first = try #require(queue.startBatch())
    for _ in 0..<9 {
      #expect(!queue.receive(call(a)))
    }
    for _ in 0..<2 {
      #expect(queue.receive(call(b)))
    }
    #expect(queue.hasNothingToDo)
    #expect(queue.receive(call(c)))
    let second = try #require(queue.startBatch())
    #expect(second.map(\.userID) == [b, c] && queue.batchesRunning == 2)
    // One more than run at once.
    for _ in 0..<3 {
      #expect(queue.receive(call(.random())))
    }
    #expect(queue.hasNothingToDo)
    queue.ended(first, isLocked: false, conflicted: [])
    let third = try #require(queue.startBatch())
    #expect(third.count == 3 && !queue.isRunning(a))
    queue.ended(second, isLocked: false, conflicted: [])
    #expect(try #require(queue.startBatch()).map(\.userID) == [a])
  }

  @Test("a batch takes as many operations as the limit; one more waits, and a single call may exceed it")
  func room() throws {
    let queue = TestedQueue(operationsMax: 4)
    for userID in [a, a, b] { _ = queue.receive(call(userID, operations: 2)) }
    let full = try #require(queue.startBatch())
    #expect(full.map(\.userID) == [a] && full[0].calls.count == 2)
    queue.ended(full, isLocked: false, conflicted: [])
    let rest = try #require(queue.startBatch())
    #expect(rest.map(\.userID) == [b])
    queue.ended(rest, isLocked: false, conflicted: [])

    for count in [3, 1, 1] { _ = queue.receive(call(a, operations: count)) }
    let cut = try #require(queue.startBatch())
    #expect(cut[0].calls.count == 2)
    queue.ended(cut, isLocked: false, conflicted: [])
    let last = try #require(queue.startBatch())
    #expect(last[0].calls.count == 1)
    queue.ended(last, isLocked: false, conflicted: [])

    _ = queue.receive(call(a, operations: 9))
    _ = queue.receive(call(a))
    #expect(try #require(queue.startBatch())[0].calls.count == 1)
    #expect(BatchQueue().batchOperationsMax == 512 && BatchQueue().batchesMax == 2)
  }

  @Test("after a conflict the calls are in the next batch, before later ones of the user and of others")
  func retry() throws {
    let queue = TestedQueue(operationsMax: 2)
    let calls = [call(b), call(b), call(b)]
    _ = queue.receive(calls[0])
    let first = try #require(queue.startBatch())
    _ = queue.receive(calls[1])
    _ = queue.receive(calls[2])
    _ = queue.receive(call(a))
    conflict(first, in: queue)
    #expect(!queue.isRunning(b) && !queue.receive(call(b)))
    let second = try #require(queue.startBatch())
    #expect(second.map(\.userID) == [b] && second[0].attempts == 1)
    #expect(isSame(second[0].calls.prefix(3), calls))
  }

  @Test("after four conflicts a user's calls run alone under a lock, while batches go on; one at a time")
  func lock() throws {
    let queue = TestedQueue()
    _ = queue.receive(call(a))
    _ = queue.receive(call(b))
    for attempt in 0..<4 {
      let users = try #require(queue.startBatch())
      #expect(users.map(\.attempts) == [attempt, attempt])
      conflict(users, in: queue)
    }
    let locked = try #require(queue.startLocked())
    #expect(locked.userID == a && locked.attempts == 4 && queue.isRunning(a) && !queue.isRunning(b))
    #expect(!queue.receive(call(a)) && !queue.receive(call(b)) && queue.receive(call(c)))
    #expect(try #require(queue.startBatch()).map(\.userID) == [c])
    #expect(queue.hasNothingToDo)
    queue.ended([locked], isLocked: true, conflicted: [])
    let other = try #require(queue.startLocked())
    #expect(other.userID == b)
    #expect(queue.hasNothingToDo)
    queue.ended([other], isLocked: true, conflicted: [])
  }

  @Test("after the twelfth attempt the calls fail, and the user's later calls go on")
  func exhausted() throws {
    let queue = TestedQueue()
    let first = call(a)
    _ = queue.receive(first)
    for _ in 0..<4 { conflict(try #require(queue.startBatch()), in: queue) }
    for attempt in 4..<11 {
      let user = try #require(queue.startLocked())
      #expect(user.attempts == attempt)
      conflict([user], isLocked: true, in: queue)
    }
    let last = try #require(queue.startLocked())
    #expect(last.attempts == 11)
    let later = call(a)
    #expect(!queue.receive(later))
    conflict([last], isLocked: true, in: queue)
    let user = try #require(queue.failed())
    #expect(isSame(user.calls, [first]))
    #expect(isSame(try #require(queue.startBatch())[0].calls, [later]))
  }

  @Test("users whose rows are taken are in no batch until the row is free, with all their calls in order")
  func parked() throws {
    let queue = TestedQueue()
    let calls = [call(a), call(a), call(a)]
    _ = queue.receive(calls[0])
    _ = queue.receive(call(b))
    #expect(queue.usersToRun == [a, b])
    queue.rowTaken(a)
    queue.rowTaken(a)
    queue.rowTaken(c)
    #expect(queue.usersToRun == [b] && !queue.receive(calls[1]))
    let others = try #require(queue.startBatch())
    #expect(others.map(\.userID) == [b])
    queue.ended(others, isLocked: false, conflicted: [])
    #expect(queue.hasNothingToDo && !queue.rowFreed(b) && queue.rowFreed(a) && !queue.rowFreed(a))
    let users = try #require(queue.startBatch())
    #expect(isSame(users[0].calls, calls[..<2]))

    // After a conflict as well: the attempts begin anew, since the row was free in between.
    _ = queue.receive(calls[2])
    conflict(users, in: queue)
    #expect(queue.usersToRun == [a])
    queue.rowTaken(a)
    #expect(queue.hasNothingToDo && queue.rowFreed(a))
    let again = try #require(queue.startBatch())
    #expect(again[0].attempts == 0 && isSame(again[0].calls, calls))
    queue.rowTaken(a)
    #expect(queue.isRunning(a))
  }

  @Test("a user that needs a lock is parked as well")
  func parkedBeforeLock() throws {
    let queue = TestedQueue()
    _ = queue.receive(call(a))
    for _ in 0..<4 { conflict(try #require(queue.startBatch()), in: queue) }
    #expect(queue.usersToRun == [a])
    queue.rowTaken(a)
    #expect(queue.hasNothingToDo)
    #expect(queue.rowFreed(a))
    #expect(try #require(queue.startBatch())[0].attempts == 0)
  }

  @Test("a batch of which a part was in conflict frees the others")
  func partly() throws {
    let queue = TestedQueue()
    for userID in [a, b] { _ = queue.receive(call(userID)) }
    let users = try #require(queue.startBatch())
    queue.ended(users, isLocked: false, conflicted: [users[1].again()])
    #expect(queue.userCount == 1)
    #expect(queue.receive(call(a)))
    let next = try #require(queue.startBatch())
    #expect(next.map(\.userID) == [a, b] && next.map(\.attempts) == [0, 1])
  }
}

/// A queue whose events may be the subject of expectations.
private final class TestedQueue {
  private var queue = BatchQueue()

  init(operationsMax: Int? = nil) {
    if let operationsMax { queue.batchOperationsMax = operationsMax }
  }

  var isEmpty: Bool { queue.isEmpty }
  var userCount: Int { queue.userCount }
  var batchesRunning: Int { queue.batchesRunning }
  var usersToRun: [Identifier] { queue.usersToRun }
  var hasNothingToDo: Bool { queue.nextAction() == nil }

  func isRunning(_ userID: Identifier) -> Bool { queue.isRunning(userID) }
  func receive(_ call: PendingCall) -> Bool { queue.receive(call) }
  func rowTaken(_ userID: Identifier) { queue.rowTaken(userID) }
  func rowFreed(_ userID: Identifier) -> Bool { queue.rowFreed(userID) }

  func ended(_ users: [PendingUser], isLocked: Bool, conflicted: [PendingUser]) {
    queue.ended(users, isLocked: isLocked, conflicted: conflicted)
  }

  /// The batch that starts next.
  func startBatch() -> [PendingUser]? {
    if case .run(let users) = queue.nextAction() { users } else { nil }
  }

  /// The user that runs under a lock next.
  func startLocked() -> PendingUser? {
    if case .runLocked(let user) = queue.nextAction() { user } else { nil }
  }

  /// The user whose calls fail next.
  func failed() -> PendingUser? {
    if case .fail(let user) = queue.nextAction() { user } else { nil }
  }
}
