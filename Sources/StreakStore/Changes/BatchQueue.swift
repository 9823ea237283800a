internal import StreakDomain

/// Which calls are in which batch: each user in one batch at a time, a user's calls in the order of
/// their arrival. Pure: events go in (`receive`, `ended`, `rowTaken`, `rowFreed`), and `nextAction`
/// tells what `ChangeBatcher` does about them.
struct BatchQueue {
  /// Batches without a lock that run at the same time. The second one starts only when it is full:
  /// few large batches cost the database least.
  var batchesMax = 2
  /// Most operations in one batch; a single call may have more.
  var batchOperationsMax = 512

  /// What is to be done next.
  enum Action {
    /// Run a batch; `ended` follows.
    case run([PendingUser])
    /// Run one user's calls under a lock of the user's row; `ended` follows.
    case runLocked(PendingUser)
    /// The attempts of these calls are used up: they fail.
    case fail(PendingUser)
  }

  /// Where a user's first calls are. Calls that arrive later wait in the user's queue.
  private enum Place {
    /// In the queue; in the next batch, if there is room. Followed by running and parked.
    case ready
    /// In a running batch. Followed by ready, retrying, needsLock, and the queue's end.
    case running
    /// In the next batch, because another change came first. Followed by running and parked.
    case retrying
    /// In the next batch with a lock, because other changes came first. Followed by running and
    /// parked.
    case needsLock
    /// In the queue, while a transaction of this process locks the user's row for long: not in a
    /// batch with others' calls. Followed by ready.
    case parked
  }

  /// One user's calls that are in no batch yet.
  private struct UserQueue {
    // Limited by the number of calls that the server admits at once.
    /// In order of arrival.
    var calls: [PendingCall]
    var place = Place.ready

    mutating func append(_ call: PendingCall) -> Place {
      calls.append(call)
      return place
    }

    /// All calls.
    mutating func take() -> [PendingCall] {
      var taken: [PendingCall] = []
      swap(&taken, &calls)
      return taken
    }

    /// The first calls, at least one, as far as there is room for their operations. The others wait
    /// for the end of the batch.
    mutating func take(_ room: inout Int) -> [PendingCall] {
      var taken = take()
      var count = 0
      for call in taken {
        guard room > 0 || count == 0 else { break }
        room -= call.request.operationCount
        count += 1
      }
      if count < taken.count {
        calls = Array(taken.dropFirst(count))
        taken.removeLast(taken.count - count)
      }
      return taken
    }
  }

  /// Batches without a lock that are running.
  private(set) var batchesRunning = 0
  private var isLockedBatchRunning = false
  private var queues: [Identifier: UserQueue] = [:]
  /// The users whose place is ready, by the arrival of their first call.
  private var ready: [Identifier] = []
  /// The number of calls in their queues.
  private var readyCount = 0
  /// The users whose place is retrying.
  private var retrying: [PendingUser] = []
  /// The users whose place is needsLock, by their last conflict.
  private var needingLock: [PendingUser] = []
  /// Users whose attempts are used up.
  private var failed: [PendingUser] = []

  /// Users whose data is being changed.
  var userCount: Int { queues.count }

  /// No call waits for a batch.
  var isEmpty: Bool { queues.values.allSatisfy(\.calls.isEmpty) }

  /// Whether a running batch has changes of this user.
  func isRunning(_ userID: Identifier) -> Bool { queues[userID]?.place == .running }

  /// Users whose calls are to be in one of the next batches.
  var usersToRun: [Identifier] { retrying.map(\.userID) + ready + needingLock.map(\.userID) }

  // MARK: Events

  /// A call has arrived.
  /// - Returns: Whether there may be something to do.
  mutating func receive(_ call: PendingCall) -> Bool {
    let userID = call.request.userID
    if let place = queues[userID]?.append(call) {
      guard place == .ready else { return false }
    } else {
      queues[userID] = UserQueue(calls: [call])
      ready.append(userID)
    }
    readyCount += 1
    return true
  }

  /// A batch has ended: its calls are answered, except those of users in conflict.
  ///
  /// - Parameter conflicted: Users whose calls are to be attempted again, with the attempts so far.
  mutating func ended(_ users: [PendingUser], isLocked: Bool, conflicted: [PendingUser]) {
    if isLocked { isLockedBatchRunning = false } else { batchesRunning -= 1 }
    for user in conflicted {
      switch ConflictPolicy.next(afterAttempts: user.attempts) {
      case .unlocked: retrying.append(withWaiting(user, .retrying))
      case .locked: needingLock.append(withWaiting(user, .needsLock))
      case .none: failed.append(user)
      }
    }
    // Only now may the users' later calls be in a batch: a statement has each user once.
    for user in users {
      guard let index = queues.index(forKey: user.userID), queues.values[index].place == .running else { continue }
      if queues.values[index].calls.isEmpty { queues.remove(at: index) } else { makeReady(index) }
    }
  }

  /// A transaction of this process locks the user's row for long. Without effect for a user that is
  /// running.
  mutating func rowTaken(_ userID: Identifier) {
    guard let index = queues.index(forKey: userID) else { return }
    switch queues.values[index].place {
    case .ready:
      ready.removeAll { $0 == userID }
      readyCount -= queues.values[index].calls.count
    case .retrying: giveBack(Self.remove(userID, from: &retrying), index)
    case .needsLock: giveBack(Self.remove(userID, from: &needingLock), index)
    case .running, .parked: return
    }
    queues.values[index].place = .parked
  }

  /// No transaction of this process locks the user's row for long any more.
  /// - Returns: Whether there may be something to do.
  mutating func rowFreed(_ userID: Identifier) -> Bool {
    guard let index = queues.index(forKey: userID), queues.values[index].place == .parked else { return false }
    makeReady(index)
    return true
  }

  // MARK: Actions

  /// The next thing to do, to be called until it is nil.
  mutating func nextAction() -> Action? {
    if let user = failed.popLast() { return .fail(user) }
    if isBatchDue {
      batchesRunning += 1
      return .run(nextBatch())
    }
    guard !isLockedBatchRunning, !needingLock.isEmpty else { return nil }
    isLockedBatchRunning = true
    let user = needingLock.removeFirst()
    queues[user.userID]?.place = .running
    return .runLocked(user)
  }

  private var isBatchDue: Bool {
    guard batchesRunning > 0 else { return !(ready.isEmpty && retrying.isEmpty) }
    return batchesRunning < batchesMax && readyCount >= batchOperationsMax
  }

  /// Users in conflict first, then the others by arrival; each user once, by ascending id.
  private mutating func nextBatch() -> [PendingUser] {
    var users: [PendingUser] = []
    swap(&users, &retrying)
    var room = batchOperationsMax
    for user in users {
      queues[user.userID]?.place = .running
      room -= user.calls.count
    }
    var count = 0
    for userID in ready {
      guard room > 0 || users.isEmpty else { break }
      count += 1
      guard let index = queues.index(forKey: userID) else { continue }
      readyCount -= queues.values[index].calls.count
      queues.values[index].place = .running
      users.append(PendingUser(userID, queues.values[index].take(&room), attempts: 0))
    }
    ready.removeFirst(count)
    if users.count > 1 { users.sort { $0.userID < $1.userID } }
    return users
  }

  // MARK: Moves between places

  private mutating func makeReady(_ index: Dictionary<Identifier, UserQueue>.Index) {
    queues.values[index].place = .ready
    ready.append(queues.keys[index])
    readyCount += queues.values[index].calls.count
  }

  /// The user with the calls that arrived meanwhile.
  private mutating func withWaiting(_ user: PendingUser, _ place: Place) -> PendingUser {
    let waiting = queues[user.userID]?.take() ?? []
    queues[user.userID]?.place = place
    return waiting.isEmpty ? user : PendingUser(user.userID, user.calls + waiting, attempts: user.attempts)
  }

  /// The calls are the first in their queue again.
  private mutating func giveBack(_ user: PendingUser?, _ index: Dictionary<Identifier, UserQueue>.Index) {
    guard let user else { return }
    queues.values[index].calls = user.calls + queues.values[index].calls
  }

  private static func remove(_ userID: Identifier, from users: inout [PendingUser]) -> PendingUser? {
    users.firstIndex { $0.userID == userID }.map { users.remove(at: $0) }
  }
}

extension ChangeRequest {
  /// Operations in it, at least 1.
  fileprivate var operationCount: Int {
    if case .queue(let operations) = work { max(1, operations.count) } else { 1 }
  }
}
