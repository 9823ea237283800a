internal import StreakDomain

/// One call that waits for an answer. Loop-confined.
@safe final class PendingCall {
  typealias Answer = Result<Result<ChangeResult, QueueRefusal>, StoreError>

  private(set) var request: ChangeRequest
  private var continuation: UnsafeContinuation<Answer, Never>?

  init(_ request: ChangeRequest, _ continuation: UnsafeContinuation<Answer, Never>? = nil) {
    self.request = request
    unsafe self.continuation = continuation
  }

  /// Leaves out restated habits: the database cannot store them.
  func leaveOut(_ habitIDs: Set<Identifier>) {
    guard case .queue(let operations) = request.work, !habitIDs.isEmpty else { return }
    request = request.part(
      operations, restating: request.restatedHabits.filter { !habitIDs.contains($0.id) },
      queueDrained: request.queueDrained)
  }

  /// Resumes the caller, once.
  func finish(_ answer: Answer) {
    unsafe continuation?.resume(returning: answer)
    unsafe continuation = nil
  }
}

/// One user in a batch: the waiting calls that change their data, and the result. Loop-confined.
final class PendingUser {
  /// A decided operation that is to be stored with its outcome.
  struct Decided {
    let deviceID: Identifier
    let queued: QueuedOperation
    let outcome: OperationOutcome
    /// For an operation in the inbox: it is kept whole.
    let keepsPayload: Bool
  }

  let userID: Identifier
  let calls: [PendingCall]
  /// How often another change came first.
  let attempts: Int

  /// Nil: the user does not exist.
  var ledger: PersonLedger?
  var changeNumberBefore: Int64 = 0
  /// The state comes from the cache: it may be out of date.
  private(set) var isCached = false
  /// The conflicts of `noticeIDs`.
  var notices: [Identifier: Notice] = [:]
  /// Outcomes that were stored earlier, by device and number.
  var stored: [OperationKey: StoredOutcome] = [:]
  private(set) var decided: [Decided] = []
  /// Calls that were refused because the day's limit of changes is reached.
  private var delayedCalls = 0
  /// The stored use.
  private var useBefore = StorageUse()
  /// Whole habits must be read before the change can end.
  private(set) var needsFullRead = false
  private var results: [Result<[OperationOutcome], QueueRefusal>] = []

  init(_ userID: Identifier, _ calls: [PendingCall], attempts: Int) {
    self.userID = userID
    self.calls = calls
    self.attempts = attempts
  }

  /// The same calls, undecided, after one more attempt.
  func again() -> PendingUser { PendingUser(userID, calls, attempts: attempts + 1) }

  /// The same calls, undecided.
  func undecided() -> PendingUser { PendingUser(userID, calls, attempts: attempts) }

  /// The device of all calls; nil if there are several.
  var onlyDeviceID: Identifier? {
    guard let deviceID = calls.first?.request.deviceID else { return nil }
    return calls.allSatisfy { $0.request.deviceID == deviceID } ? deviceID : nil
  }

  // MARK: What is needed

  /// The rows that the calls touch. Not before the conflicts that they resolve have been read.
  private(set) lazy var rows: Set<StateKey> = {
    var found: Set<StateKey> = []
    for call in calls {
      var touchesHabit = false
      // A restated alias becomes one only when the changes are decided.
      var restatedAliases: [Identifier: Identifier] = [:]
      for habit in call.request.restatedHabits {
        touchesHabit = true
        found.insert(StateKey(habitID: habit.id))
        guard let habitID = habit.aliasOf else { continue }
        restatedAliases[habit.id] = habitID
        found.insert(StateKey(habitID: habitID))
      }
      call.request.forEachChange { change in
        guard let (habitID, day) = place(of: change) else { return }
        touchesHabit = true
        found.insert(StateKey(habitID: habitID, day: day))
        if let meant = restatedAliases[habitID] { found.insert(StateKey(habitID: meant, day: day)) }
      }
      if !touchesHabit { found.insert(StateKey()) }
    }
    return found
  }()

  /// Adds the habits that the calls name by aliases.
  /// - Returns: Further rows to read: known once the ledger is loaded.
  func followAliases() -> Set<StateKey> {
    guard ledger != nil else { return [] }
    var found: Set<StateKey> = []
    for row in rows {
      guard let id = row.habitID, let habitID = ledger?.habits[id]?.aliasOf else { continue }
      found.insert(StateKey(habitID: habitID, day: row.day))
    }
    found.subtract(rows)
    rows.formUnion(found)
    return found
  }

  /// Uses the cached state, if it covers the calls and belongs to the current epoch.
  func takeState(from cache: LedgerCache, epoch: Epoch) {
    guard let entry = cache.take(userID), entry.ledger.epoch == epoch, noticeIDs.isEmpty,
      entry.rows.isSuperset(of: rows)
    else { return }
    // All of it equals the stored data, and may be used again.
    rows = entry.rows
    ledger = entry.ledger
    changeNumberBefore = entry.ledger.changeNumber
    isCached = true
    if !replayedKeys.isEmpty { forget() }
  }

  private func forget() {
    ledger = nil
    isCached = false
  }

  /// The habit, and optionally its day, that a change touches.
  private func place(of change: Operation.Change) -> (habitID: Identifier, day: Int32?)? {
    if case .resolveConflict(let resolution) = change.stated {
      return notices[resolution.noticeID].map { ($0.habitID, $0.day?.number) }
    }
    return change.habitID.map { ($0, change.cellKey?.day.number) }
  }

  /// Habits whose standing statements must be read: known once the ledger is loaded.
  var habitsWithActivity: Set<Identifier> {
    guard !noticeIDs.isEmpty || calls.contains(where: \.request.deletesHabit) || hasDeletions, var ledger else {
      return []
    }
    for (id, notice) in notices { ledger.load(notice: notice, id: id) }
    var changes: [Operation.Change] = []
    for call in calls { call.request.forEachChange { changes.append($0) } }
    return ledger.habitsWithActivity(in: changes)
  }

  private var hasDeletions: Bool { ledger?.habits.values.contains(where: \.hasDeletions) ?? false }

  /// The conflicts that the calls resolve.
  private(set) lazy var noticeIDs: [Identifier] = {
    var found: [Identifier] = []
    for call in calls {
      call.request.forEachChange { change in
        if case .resolveConflict(let resolution) = change { found.append(resolution.noticeID) }
      }
    }
    return found
  }()

  /// Operations that were decided before, by their numbers: known once the ledger is loaded.
  var replayedKeys: [OperationKey] {
    var found: [OperationKey] = []
    for call in calls {
      guard case .queue(let operations) = call.request.work,
        let lastSeq = ledger?.sources[call.request.deviceID]?.lastSeq
      else { continue }
      for queued in operations where queued.operation.seq <= lastSeq {
        found.append(OperationKey(deviceID: call.request.deviceID, seq: queued.operation.seq))
      }
    }
    return found
  }

  // MARK: Deciding

  /// Decides every call in turn.
  func decide() {
    for (id, notice) in notices { ledger?.load(notice: notice, id: id) }
    (decided, needsFullRead, delayedCalls) = ([], false, 0)
    useBefore = ledger?.use ?? StorageUse()
    results = calls.map { call in
      do throws(QueueRefusal) {
        return .success(try decide(call.request))
      } catch {
        return .failure(error)
      }
    }
  }

  private func decide(_ request: ChangeRequest) throws(QueueRefusal) -> [OperationOutcome] {
    if let epoch = request.epoch, let present = ledger?.epoch, epoch != present { throw .otherEpoch }
    if let last = ledger?.changeNumber, request.receivedNumber > last { throw .cursorAhead }
    guard let device = ledger?.sources[request.deviceID], var ledger = ledger.take() else { throw .deviceUnknown }
    // While it is removed, the local copy is unique: changing it copies nothing.
    defer {
      needsFullRead = ledger.needsFullRead
      self.ledger = ledger
    }
    let now = request.now.wholeMilliseconds
    var outcomes: [OperationOutcome] = []
    switch request.work {
    case .direct(let change):
      try count(1, in: &ledger, now: now)
      outcomes = [ledger.applyDirectly(change, by: request.deviceID, now: now)]
    case .queue(let operations):
      let replays = try replay(
        operations, request.deviceID, lastSeq: device.lastSeq, oldestKeptSeq: request.oldestKeptSeq)
      outcomes = replays
      outcomes.reserveCapacity(operations.count)
      if decided.isEmpty { decided.reserveCapacity(operations.count) }
      try count(operations.count - replays.count, in: &ledger, now: now)
      for habit in request.restatedHabits { ledger.restate(habit, now: now) }
      let clock = ClockRules(now: now, sentAt: request.sentAt)
      for queued in operations.dropFirst(replays.count) {
        if request.waitsForHabits, ledger.isEditOfMissingHabit(queued.operation.change) { break }
        let outcome = ledger.apply(queued.operation, by: request.deviceID, now: now, clock: clock)
        if request.waitsForHabits, outcome.rejection == .habitNotFound { break }
        outcomes.append(outcome)
        let isForInbox = outcome.rejection != nil && queued.payload.count <= QueuedOperation.keptBytesMax
        decided.append(
          Decided(
            deviceID: request.deviceID, queued: queued, outcome: outcome,
            keepsPayload: isForInbox && ledger.takeIntoInbox(queued.payload.count)))
        ledger.advance(deviceID: request.deviceID, to: queued.operation.seq)
      }
    }
    if request.queueDrained, request.acknowledgedSeq <= ledger.sources[request.deviceID]?.lastSeq ?? 0 {
      ledger.finishBackfill(of: request.deviceID, now: now)
    }
    return outcomes
  }

  private func count(_ changes: Int, in ledger: inout PersonLedger, now: Instant) throws(QueueRefusal) {
    guard let wait = ledger.countChanges(changes, now: now) else { return }
    delayedCalls += 1
    throw .tooManyChanges(retryMilliseconds: UInt64(wait))
  }

  /// Losses by quotas.
  var quotaCounts: QuotaCounts {
    var counts = ledger?.changes.quotas ?? QuotaCounts()
    counts.callsDelayed = delayedCalls
    return counts
  }

  /// The outcomes of the operations at the start that were decided before.
  private func replay(
    _ operations: [QueuedOperation], _ deviceID: Identifier, lastSeq: Int64, oldestKeptSeq: Int64
  ) throws(QueueRefusal) -> [OperationOutcome] {
    guard let first = operations.first?.operation.seq else { return [] }
    // The device does not store them any more, so they will never arrive.
    guard first <= lastSeq + 1 || first == oldestKeptSeq else { throw .gap(expectedSeq: lastSeq + 1) }
    var outcomes: [OperationOutcome] = []
    for queued in operations where queued.operation.seq <= lastSeq {
      let seq = queued.operation.seq
      let known =
        stored[OperationKey(deviceID: deviceID, seq: seq)]
        ?? decided.first { $0.deviceID == deviceID && $0.outcome.seq == seq }.map {
          StoredOutcome(outcome: $0.outcome, payloadHash: $0.queued.payloadHash)
        }
      guard let known, known.payloadHash == queued.payloadHash else { throw .operationReused }
      outcomes.append(known.outcome)
    }
    return outcomes
  }

  /// Whether there is anything to store.
  var isChanged: Bool { ledger?.changes.isEmpty == false }

  /// Tells the user's other devices of the change once it is stored; nil: there is nothing to tell.
  var hint: ChangeHint? {
    let deviceID = onlyDeviceID
    // Not bound to a name, which would copy the ledger.
    guard ledger?.changes.isVisible == true, ledger?.sources.hasOtherDevices(than: deviceID) == true,
      let changeNumber = ledger?.changeNumber
    else { return nil }
    return ChangeHint(userID: userID, changeNumber: changeNumber, deviceID: deviceID)
  }

  // MARK: Answering

  /// Answers every caller: the decisions have been stored, or needed no storing.
  ///
  /// - Parameter cache: The cache for the stored state; nil: none.
  func answer(storingIn cache: LedgerCache? = nil) {
    guard let ledger = ledger.take() else { return fail(.noSuchUser) }
    if let cache,
      let entry = LedgerCache.Entry(ledger, rows: rows, storedUse: ledger.changes.isEmpty ? useBefore : nil)
    {
      cache.put(userID, entry)
    }
    for (call, result) in zip(calls, results) {
      call.finish(
        .success(
          result.map { ChangeResult(outcomes: $0, ledger: ledger, changeNumberBefore: changeNumberBefore) }))
    }
  }

  func fail(_ error: StoreError) {
    for call in calls { call.finish(.failure(error)) }
  }
}

extension ChangeRequest {
  fileprivate var deletesHabit: Bool {
    switch work {
    case .direct(let change): change.deletesHabit
    case .queue(let operations): operations.contains(where: \.operation.change.deletesHabit)
    }
  }

  fileprivate func forEachChange(_ body: (Operation.Change) -> Void) {
    switch work {
    case .direct(let change): body(change)
    case .queue(let operations): for queued in operations { body(queued.operation.change) }
    }
  }
}

extension Operation.Change {
  fileprivate var deletesHabit: Bool {
    if case .deleteHabit = stated { true } else { false }
  }
}

/// Identifies an operation of one user.
struct OperationKey: Hashable {
  var deviceID: Identifier
  var seq: Int64
}

/// An outcome as it was stored.
struct StoredOutcome {
  var outcome: OperationOutcome
  var payloadHash: [UInt8]
}
