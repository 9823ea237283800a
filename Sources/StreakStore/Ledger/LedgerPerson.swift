internal import StreakDomain

/// One caller who waits for an answer. Loop-confined.
final class LedgerCall {
  typealias Answer = Result<Result<LedgerAnswer, QueueRefusal>, StoreError>

  let request: LedgerRequest
  private var continuation: CheckedContinuation<Answer, Never>?

  init(_ request: LedgerRequest, _ continuation: CheckedContinuation<Answer, Never>? = nil) {
    self.request = request
    self.continuation = continuation
  }

  /// Wakes the caller, once.
  func finish(_ answer: Answer) {
    continuation?.resume(returning: answer)
    continuation = nil
  }
}

/// One person in a batch: the calls that wait for a change of their data, and what is made of them. Loop-confined.
final class LedgerPerson {
  /// An operation that was decided and is to be stored with its outcome.
  struct Decided {
    let deviceID: Identifier
    let queued: QueuedOperation
    let outcome: OperationOutcome
  }

  let userID: Identifier
  let calls: [LedgerCall]
  /// How often another change came first.
  let attempts: Int

  /// Nil: there is no such person.
  var ledger: PersonLedger?
  var changeNumberBefore: Int64 = 0
  var hasOtherDevices = false
  /// The state is what was remembered: it may be out of date.
  private(set) var isRecalled = false
  /// What the conflicts that are to be resolved are about.
  var notices: [Identifier: Notice] = [:]
  /// Outcomes that were stored earlier, by device and number.
  var stored: [OperationKey: StoredOutcome] = [:]
  private(set) var decided: [Decided] = []
  private var results: [Result<[OperationOutcome], QueueRefusal>] = []

  init(_ userID: Identifier, _ calls: [LedgerCall], attempts: Int) {
    self.userID = userID
    self.calls = calls
    self.attempts = attempts
  }

  /// The same calls, undecided.
  func again() -> LedgerPerson { LedgerPerson(userID, calls, attempts: attempts + 1) }

  /// The device of all calls; nil if there are several.
  var onlyDeviceID: Identifier? {
    guard let deviceID = calls.first?.request.deviceID else { return nil }
    return calls.allSatisfy { $0.request.deviceID == deviceID } ? deviceID : nil
  }

  // MARK: What is needed

  /// What the calls touch; of every call its device at least. Not before the conflicts that they resolve have been read.
  private(set) lazy var rows: Set<LedgerRow> = {
    var found: Set<LedgerRow> = []
    for call in calls {
      let keys = keys(of: call)
      if keys.isEmpty { found.insert(LedgerRow(deviceID: call.request.deviceID)) }
      for key in keys {
        found.insert(LedgerRow(deviceID: call.request.deviceID, habitID: key.habitID, day: key.day))
      }
    }
    return found
  }()

  /// Goes on from what is remembered, if that is enough for the calls and of the same life of the database.
  func recall(from memory: LedgerMemory, epoch: Int64) {
    guard let entry = memory.take(userID), entry.ledger.epoch == epoch, noticeIDs.isEmpty,
      entry.rows.isSuperset(of: rows)
    else { return }
    ledger = entry.ledger
    changeNumberBefore = entry.ledger.changeNumber
    hasOtherDevices = entry.hasOtherDevices
    isRecalled = true
    if !replayedKeys.isEmpty { forget() }
  }

  /// Remembers what is stored now.
  func remember(in memory: LedgerMemory) {
    guard let ledger, let entry = LedgerMemory.Entry(ledger, rows: rows, hasOtherDevices: hasOtherDevices)
    else { return }
    memory.put(userID, entry)
  }

  private func forget() {
    ledger = nil
    isRecalled = false
  }

  /// The habits and days that a call touches.
  private func keys(of call: LedgerCall) -> [(habitID: Identifier, day: Int32?)] {
    switch call.request.work {
    case .direct(let change): keys(of: change)
    case .queue(let operations): operations.flatMap { keys(of: $0.operation.change) }
    }
  }

  private func keys(of change: Operation.Change) -> [(habitID: Identifier, day: Int32?)] {
    switch change {
    case .setCompletion(let completion): [(completion.habitID, completion.day.number)]
    case .editHabit(let edit): [(edit.habitID, nil)]
    case .deleteHabit(let habitID): [(habitID, nil)]
    case .resolveConflict(let resolution):
      notices[resolution.noticeID].map { [($0.habitID, $0.day?.number)] } ?? []
    case .malformed: []
    }
  }

  /// The conflicts that the calls resolve.
  var noticeIDs: [Identifier] {
    calls.flatMap { call -> [Operation.Change] in
      switch call.request.work {
      case .direct(let change): [change]
      case .queue(let operations): operations.map(\.operation.change)
      }
    }.compactMap { change in
      if case .resolveConflict(let resolution) = change { resolution.noticeID } else { nil }
    }
  }

  /// Operations that seem to have been decided before: known once the ledger is loaded.
  var replayedKeys: [OperationKey] {
    calls.flatMap { call -> [OperationKey] in
      guard case .queue(let operations) = call.request.work,
        let lastSeq = ledger?.devices[call.request.deviceID]?.lastSeq
      else { return [] }
      return operations.filter { $0.operation.seq <= lastSeq }.map {
        OperationKey(deviceID: call.request.deviceID, seq: $0.operation.seq)
      }
    }
  }

  // MARK: Deciding

  /// Decides every call in turn.
  func decide(makeID: () -> Identifier) {
    for (id, notice) in notices { ledger?.load(notice: notice, id: id) }
    decided = []
    results = calls.map { call in
      do throws(QueueRefusal) {
        return .success(try decide(call.request, makeID: makeID))
      } catch {
        return .failure(error)
      }
    }
  }

  private func decide(
    _ request: LedgerRequest, makeID: () -> Identifier
  ) throws(QueueRefusal) -> [OperationOutcome] {
    guard var ledger, let device = ledger.devices[request.deviceID] else { throw .deviceUnknown }
    self.ledger = nil  // The copy is the only one: nothing is copied when it changes.
    defer { self.ledger = ledger }
    let now = request.now.milliseconds
    var outcomes: [OperationOutcome] = []
    switch request.work {
    case .direct(let change):
      outcomes = [ledger.applyDirectly(change, by: request.deviceID, now: now, makeID: makeID)]
    case .queue(let operations):
      let replays = try replay(operations, request.deviceID, lastSeq: device.lastSeq)
      outcomes = replays
      for queued in operations.dropFirst(replays.count) {
        let outcome = ledger.apply(queued.operation, by: request.deviceID, now: now, makeID: makeID)
        outcomes.append(outcome)
        decided.append(Decided(deviceID: request.deviceID, queued: queued, outcome: outcome))
        ledger.advance(deviceID: request.deviceID, to: queued.operation.seq)
      }
    }
    if request.nothingLeft { ledger.finishCatchUp(of: request.deviceID, now: now) }
    return outcomes
  }

  /// The outcomes of those operations, from the first on, that were decided before.
  private func replay(
    _ operations: [QueuedOperation], _ deviceID: Identifier, lastSeq: Int64
  ) throws(QueueRefusal) -> [OperationOutcome] {
    guard let first = operations.first?.operation.seq else { return [] }
    guard first <= lastSeq + 1 else { throw .gap(expectedSeq: lastSeq + 1) }
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

  /// Whether anything is to be stored.
  var isChanged: Bool { ledger.map { !$0.changes.isEmpty } ?? false }

  // MARK: Answering

  /// Tells every caller; what was decided has been stored, or needed no storing.
  func answer() {
    guard let ledger else { return fail(.noSuchUser) }
    for (call, result) in zip(calls, results) {
      call.finish(
        .success(
          result.map { LedgerAnswer(outcomes: $0, ledger: ledger, changeNumberBefore: changeNumberBefore) }))
    }
  }

  func fail(_ error: StoreError) {
    for call in calls { call.finish(.failure(error)) }
  }
}

/// Names an operation of one person.
struct OperationKey: Hashable {
  var deviceID: Identifier
  var seq: Int64
}

/// An outcome as it was stored.
struct StoredOutcome {
  var outcome: OperationOutcome
  var payloadHash: [UInt8]
}
