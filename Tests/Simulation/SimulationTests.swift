import StreakDomain
import Testing

@Suite("Simulation: many devices, wrong clocks, a network and a server that fail")
struct SimulationTests {
  @Test("after everything is quiet all devices and the server are equal, and nothing that was acknowledged is missing")
  func convergence() {
    // In one test and not as arguments: thousands of seeds take seconds.
    // 5818: an answer from a life of the database that is over comes after the operations were sent again in the new one.
    for seed in Array(seeds(1_500)) + [5_818] {
      var world = SimulationWorld(seed: seed)
      let steps = 20 + Int(seed % 60)
      for _ in 0..<steps { world.step() }
      guard world.quiesce() else {
        Issue.record("seed \(seed): no quiet")
        continue
      }
      #expect(!world.hasDiverged, "seed \(seed): a device had everything and another digest")
      check(world, seed)
    }
  }

  private func check(_ world: SimulationWorld, _ seed: UInt64) {
    for userID in SimulationWorld.users {
      guard let person = world.server.people[userID] else { continue }
      let ledger = person.ledger
      #expect(ledger.digest == Self.digest(of: ledger), "seed \(seed): the server's own digest")
      for replica in world.replicas.map(\.replica) where replica.userID == userID {
        #expect(replica.digest == ledger.digest, "seed \(seed)")
        #expect(replica.queue.isEmpty, "seed \(seed)")
        #expect(replica.habits == ledger.habits.filter { !$0.value.isDeleted }.mapValues(\.fields), "seed \(seed)")
        for (key, cell) in replica.cells { #expect(ledger.cells[key]?.cell == cell.cell, "seed \(seed)") }
        // What this device holds as decided, the server has decided so: exactly once, for each number stands once.
        for kept in replica.kept {
          let known = person.decided[replica.deviceID]?[kept.operation.seq]
          #expect(known?.operation == kept.operation, "seed \(seed): an acknowledged operation is missing")
        }
      }
      for (habitID, habit) in ledger.habits {
        let counted = ledger.cells.filter { $0.key.habitID == habitID && $0.value.cell.counts }.map(\.key.day)
        let whole = StreakSummary(countedDays: counted)
        #expect(habit.summary.total == whole.total && habit.summary.longest == whole.longest, "seed \(seed)")
        #expect(habit.summary.lastRun == whole.lastRun, "seed \(seed)")
      }
      checkCompletions(person, seed)
    }
  }

  /// A day that somebody completed and nobody undid is done; a value that was not kept is in a notice.
  private func checkCompletions(_ person: ModelServer.Person, _ seed: UInt64) {
    var ticked: Set<CellKey> = []
    var undone: Set<CellKey> = []
    for (operation, outcome) in person.decided.values.flatMap(\.values) {
      if outcome.status == .superseded, !operation.isResolution {
        #expect(outcome.noticeID.map { person.ledger.notices[$0] != nil } == true, "seed \(seed): a loser was not kept")
      }
      guard case .setCompletion(let completion) = operation.change, outcome.status != .rejected else { continue }
      let key = CellKey(habitID: completion.habitID, day: completion.day)
      if completion.done { ticked.insert(key) } else { undone.insert(key) }
    }
    let resolvedUndone = person.ledger.notices.values.filter { $0.kind == .doneConflict && $0.kept == "false" }
    for notice in resolvedUndone {
      if let day = notice.day { undone.insert(CellKey(habitID: notice.habitID, day: day)) }
    }
    for key in ticked.subtracting(undone) {
      #expect(person.ledger.cells[key]?.cell.done == true, "seed \(seed): a completed day was lost")
    }
  }

  static func digest(of ledger: PersonLedger) -> StateDigest {
    var digest = StateDigest.empty
    for (id, habit) in ledger.habits where !habit.isDeleted {
      digest += HabitState.itemDigest(habitID: id, habit.fields)
    }
    for (key, cell) in ledger.cells where ledger.habits[key.habitID]?.isDeleted == false {
      digest += CellState.itemDigest(key, cell.cell)
    }
    return digest
  }
}

extension Operation {
  fileprivate var isResolution: Bool {
    if case .resolveConflict = change { true } else { false }
  }
}
