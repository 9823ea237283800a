@testable import StreakDomain
@testable import StreakStore

/// What is right: an answer is that of the calls in a row, and the database and the caches hold
/// their state.
extension ChangeSimulation {
  func answered(_ call: Call, _ answer: Answer) {
    if call.isAnswered { violate("a call was answered twice") }
    call.isAnswered = true
    calls.removeAll { $0 === call }
    counts.answers += 1
    switch answer {
    case .success(let result):
      if case .failure(.otherEpoch) = result { counts.otherEpochs += 1 }
      let outcomes = result.map(\.outcomes)
      if let stored = call.stored {
        counts.applied += 1
        if stored != outcomes { violate("answered \(outcomes) and stored \(stored)") }
      } else {
        // It changed nothing: so it was decided on a state that was the user's during the call.
        let states = history[call.request.userID, default: []][call.firstState...]
        let possible = states.contains { state in
          switch result {
          case .success(let result):
            state.ledger.changeNumber == result.ledger.changeNumber
              && state.answerWithoutChange(to: call.request) == outcomes
          case .failure: state.answer(to: call.request) == outcomes
          }
        }
        if !possible { violate("\(outcomes) was answered, and nothing stored") }
      }
    case .failure(let error):
      counts.failures[error.name, default: 0] += 1
      if error.name == "dataRefused", !Self.isFaulty(call.request) { violate("a call failed for another's fault") }
      if error.name == "dataRefused", call.isQueue { violate("an operation that cannot be stored blocks its queue") }
      if call.stored != nil, error.name != "outcomeUnknown" { violate("\(error) was answered to a stored call") }
    }
  }

  func stored(_ user: PendingUser, _ client: Int) {
    guard var model = history[user.userID]?.last else { return }
    if let part = user.calls.first?.request, user.calls.count == 1, isPart(part) { return storedPart(user, part) }
    let running = user.calls.compactMap { pending in calls.first { $0.request === pending.request } }
    if running.count < user.calls.count { violate("a call was stored after its answer") }
    if turnsHeld.contains(user.userID) { violate("a row was changed in another's turn") }
    for call in running {
      if call.stored != nil { violate("a call was stored twice") }
      if call.number <= lastStored[user.userID]?[client] ?? 0 { violate("a call overtook an earlier one") }
      lastStored[user.userID, default: [:]][client] = call.number
    }
    let answers = model.store(user.calls.map(\.request)) { .zero }
    for (call, answer) in zip(running, answers) { call.stored = answer }
    history[user.userID]?.append(model)
    if user.attempts >= ConflictPolicy.unlockedAttemptsMax { counts.lockedStores += 1 }
  }

  /// Whether a request has operations of a running call that is divided.
  private func isPart(_ request: ChangeRequest) -> Bool {
    guard !calls.contains(where: { $0.request === request }) else { return false }
    return calls.contains { $0.isQueue && $0.hashes.isSuperset(of: request.hashes) }
  }

  /// A part is no answer: its call is answered later, as a repetition.
  private func storedPart(_ user: PendingUser, _ part: ChangeRequest) {
    guard var model = history[user.userID]?.last else { return }
    for answer in model.store([part], makeID: { .zero }) {
      counts.refusedOperations += (try? answer.get())?.count { $0.rejection == .invalidField } ?? 0
    }
    history[user.userID]?.append(model)
  }

  func conflicted(_ user: PendingUser, _ client: Int) {
    counts.conflicts += 1
    // With one cache the other batcher may have loaded the same state meanwhile.
    if caches[0] !== caches[1], let entry = caches[client].peek(user.userID), entry.ledger.epoch == database.epoch,
      entry.ledger.changeNumber == user.changeNumberBefore
    {
      violate("the cache keeps a state that is out of date")
    }
  }

  func check() {
    for userID in userIDs {
      guard let stored = database.users[userID], let model = history[userID]?.last else { continue }
      if !stored.ledger.hasSameHead(as: model.ledger) || stored.ledger.habits != model.ledger.habits
        || stored.ledger.cells != model.ledger.cells
      {
        violate("the database differs from the calls in a row")
      }
      for cache in caches {
        guard let entry = cache.peek(userID), entry.ledger.epoch == database.epoch else { continue }
        if entry.ledger.changeNumber > stored.ledger.changeNumber { violate("the cache is ahead of the database") }
        guard entry.ledger.changeNumber == stored.ledger.changeNumber else { continue }
        if !entry.equals(stored.ledger) { violate("the cache differs from the database") }
      }
    }
    for call in calls where step - call.firstStep > Self.stepsPerCallMax { violate("a call does not end") }
  }
}

extension ChangeRequest {
  /// The hashes of its operations' payloads.
  fileprivate var hashes: Set<[UInt8]> {
    if case .queue(let operations) = work { Set(operations.map(\.payloadHash)) } else { [] }
  }
}

extension ChangeSimulation.Call {
  fileprivate var isQueue: Bool { !hashes.isEmpty }
  fileprivate var hashes: Set<[UInt8]> { request.hashes }
}

extension LedgerCache {
  /// A user's entry, which stays.
  fileprivate func peek(_ userID: Identifier) -> Entry? {
    guard let entry = take(userID) else { return nil }
    put(userID, entry)
    return entry
  }
}

extension LedgerCache.Entry {
  /// Whether the head and the cached rows are those of the whole state.
  fileprivate func equals(_ whole: PersonLedger) -> Bool {
    guard ledger.hasSameHead(as: whole) else { return false }
    return rows.allSatisfy { row in
      guard let habitID = row.habitID else { return true }
      guard ledger.habits[habitID] == whole.habits[habitID] else { return false }
      return row.day.map {
        ledger.cells[CellKey(habitID: habitID, day: Day($0))] == whole.cells[CellKey(habitID: habitID, day: Day($0))]
      } ?? true
    }
  }
}

extension StoreError {
  fileprivate var name: String {
    switch self {
    case .unavailable: "unavailable"
    case .overloaded: "overloaded"
    case .outcomeUnknown: "outcomeUnknown"
    case .cancelled: "cancelled"
    case .concurrentChange: "concurrentChange"
    case .noSuchUser: "noSuchUser"
    case .dataRefused: "dataRefused"
    case .fault: "fault"
    }
  }
}
