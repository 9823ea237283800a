@testable import StreakDomain
@testable import StreakStore

/// One user's data as a sequence of calls leaves it: each call is decided by the domain's rules on
/// the user's whole data, without batches, caches and attempts.
struct ChangeModel {
  typealias Answer = Result<[OperationOutcome], QueueRefusal>

  private(set) var ledger: PersonLedger
  private(set) var outcomes: [OperationKey: StoredOutcome] = [:]
  /// The database's.
  var epoch: Epoch

  init(_ ledger: PersonLedger, epoch: Epoch) {
    self.ledger = ledger
    self.epoch = epoch
  }

  /// Decides and stores calls that take effect together.
  /// - Returns: The answer to each.
  mutating func store(_ requests: [ChangeRequest], makeID: () -> Identifier) -> [Answer] {
    let before = ledger
    let answers = requests.map { decide($0) }
    if ledger.needsFullRead { ledger.readFullHabits(from: before) }
    if let now = requests.last?.now.wholeMilliseconds { ledger.finishChange(now: now, makeID: makeID) }
    ledger = ledger.withoutChanges
    return answers
  }

  /// The answer to a call that changes nothing; nil: it changes something.
  func answerWithoutChange(to request: ChangeRequest) -> Answer? {
    var copy = self
    let answer = copy.decide(request)
    return copy.ledger.changes.isEmpty ? answer : nil
  }

  /// The answer to a call, whatever it changes.
  func answer(to request: ChangeRequest) -> Answer {
    var copy = self
    return copy.decide(request)
  }

  func lastSeq(of deviceID: Identifier) -> Int64 { ledger.sources[deviceID]?.lastSeq ?? 0 }

  private mutating func decide(_ request: ChangeRequest) -> Answer {
    let now = request.now.wholeMilliseconds
    if let judged = request.epoch, judged != epoch { return .failure(.otherEpoch) }
    guard let device = ledger.sources[request.deviceID] else { return .failure(.deviceUnknown) }
    switch request.work {
    case .direct(let change):
      if let wait = ledger.countChanges(1, now: now) {
        return .failure(.tooManyChanges(retryMilliseconds: UInt64(wait)))
      }
      return .success([ledger.applyDirectly(change, by: request.deviceID, now: now)])
    case .queue(let operations):
      guard let first = operations.first?.operation.seq else { return .success([]) }
      guard first <= device.lastSeq + 1 else { return .failure(.gap(expectedSeq: device.lastSeq + 1)) }
      var answer: [OperationOutcome] = []
      for queued in operations where queued.operation.seq <= device.lastSeq {
        let known = outcomes[OperationKey(deviceID: request.deviceID, seq: queued.operation.seq)]
        guard let known, known.payloadHash == queued.payloadHash else { return .failure(.operationReused) }
        answer.append(known.outcome)
      }
      let fresh = operations.dropFirst(answer.count)
      if let wait = ledger.countChanges(fresh.count, now: now) {
        return .failure(.tooManyChanges(retryMilliseconds: UInt64(wait)))
      }
      for queued in fresh {
        let outcome = ledger.apply(
          queued.operation, by: request.deviceID, now: now, clock: ClockRules(now: now, sentAt: nil))
        answer.append(outcome)
        if outcome.rejection != nil { _ = ledger.takeIntoInbox(queued.payload.count) }
        ledger.advance(deviceID: request.deviceID, to: queued.operation.seq)
        outcomes[OperationKey(deviceID: request.deviceID, seq: queued.operation.seq)] = StoredOutcome(
          outcome: outcome, payloadHash: queued.payloadHash)
      }
      return .success(answer)
    }
  }
}
