import SplitMix
@testable import StreakDomain
@testable import StreakStore
import EventLoop

/// What others do meanwhile: programs that change or lock rows, and a database that is replaced.
extension ChangeSimulation {
  /// Another program changes a user's data.
  func changeFromOutside() {
    guard let userID = userIDs.randomElement(using: &randomness), database.locks[userID] == nil else { return }
    change(userID)
  }

  func change(_ userID: Identifier) {
    guard var model = history[userID]?.last, var stored = database.users[userID],
      let device = devices.first(where: { $0.userID == userID }), let habitID = habitIDs[userID]?.first
    else { return }
    let request = ChangeRequest(
      userID: userID, deviceID: device.id,
      work: .direct(.day(habitID, Instant.sampleDay, note: "from outside \(step)")), queueDrained: false, now: now)
    _ = model.store([request]) { .zero }
    stored.ledger = model.ledger.withEpoch(database.epoch)
    database.users[userID] = stored
    history[userID]?.append(model)
  }

  /// Another program locks a row; later it changes it or not, and unlocks it.
  func lockFromOutside() {
    guard let userID = userIDs.randomElement(using: &randomness) else { return }
    if foreignLocks.contains(userID) {
      if chance(60) { change(userID) }
      database.unlock(userID)
      foreignLocks.remove(userID)
    } else if database.locks[userID] == nil {
      _ = database.lock(userID)
      foreignLocks.insert(userID)
    }
  }

  /// A transaction of this process locks a row for long.
  func takeTurn() {
    guard let userID = userIDs.randomElement(using: &randomness) else { return }
    if turnsHeld.contains(userID) {
      if chance(60), database.locks[userID] == nil { change(userID) }
      return endTurn(userID)
    }
    guard !turnsAsked.contains(userID) else { return }
    turnsAsked.insert(userID)
    let own = LoopBound(self, loop: loop)
    Task(executorPreference: loop) {
      let simulation = own.value
      try await simulation.turns.take(.person(userID))
      for batcher in simulation.batchers { await batcher.waitForBatches(of: userID) }
      simulation.turnsHeld.insert(userID)
    }
  }

  func endTurn(_ userID: Identifier) {
    turnsHeld.remove(userID)
    turnsAsked.remove(userID)
    turns.end(.person(userID))
  }

  /// The database is replaced by a copy that lacks the last changes; the links to it break.
  /// Statements that wait for a link wait on, and are sent to the copy. Another program may have
  /// changed it by then as often as changes were lost, so that the change numbers are equal.
  func beginEpoch() {
    counts.epochs += 1
    var place = 0
    while place < database.waiting.count {
      let statement = database.waiting[place]
      if statement.transaction == 0, statement.kind == .load || statement.kind == .store, chance(50) {
        place += 1
        continue
      }
      let fates = statement.fates.filter { $0 != .collides }
      database.resume(place, randomness.choice(of: fates))
    }
    for userID in foreignLocks { database.unlock(userID) }
    foreignLocks = []
    database.epoch = Epoch(number: database.epoch.number + 1)
    for userID in userIDs {
      guard let states = history[userID] else { continue }
      let lost = Int.random(in: 0...min(2, states.count - 1), using: &randomness)
      var state = states[states.count - 1 - lost]
      state.epoch = database.epoch
      history[userID]?.append(state)
      database.users[userID] = SimulatedDatabase.StoredUser(
        ledger: state.ledger.withEpoch(database.epoch), outcomes: state.outcomes)
      if chance(50) { for _ in 0..<lost { change(userID) } }
    }
  }
}

extension PersonLedger {
  fileprivate func withEpoch(_ epoch: Epoch) -> PersonLedger {
    var ledger = head(epoch: epoch)
    (ledger.habits, ledger.cells) = (habits, cells)
    return ledger
  }
}
