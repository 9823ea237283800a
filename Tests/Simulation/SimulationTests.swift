import StreakDomain
import TestSupport
import Testing

@Suite("Simulation: many devices, wrong clocks, a failing network, a database that is restored, fails over and forks")
struct SimulationTests {
  @Test(
    "in the end all devices and the server are equal, and no acknowledged data is missing",
    arguments: chunks(of: 100, in: 1_500))
  func convergence(seeds: Range<UInt64>) {
    for seed in seeds {
      var world = SimulationWorld(seed: seed)
      let steps = 20 + Int(seed % 60)
      for _ in 0..<steps { world.step() }
      guard world.quiesce() else {
        Issue.record("seed \(seed): no quiet")
        continue
      }
      // Without a new epoch, equal change numbers may stand for different states.
      let hasDiverged = world.hasDiverged && !world.hasLostSilently
      #expect(!hasDiverged, "seed \(seed): a device had everything and another digest")
      check(world, seed)
    }
  }

  private func check(_ world: SimulationWorld, _ seed: UInt64) {
    for userID in SimulationWorld.users {
      guard let person = world.server.people[userID] else { continue }
      let ledger = person.ledger
      #expect(ledger.digest == Self.digest(of: ledger), "seed \(seed): the server's own digest")
      let visible = ledger.cells.filter { ledger.habits[$0.key.habitID]?.isDeleted == false }
      for device in world.replicas where device.replica.userID == userID {
        let replica = device.replica
        #expect(replica.digest == ledger.digest, "seed \(seed)")
        #expect(replica.queue.isEmpty && replica.formerHabits.isEmpty, "seed \(seed)")
        #expect(replica.dayStartMinutes == ledger.settings.dayStartMinutes, "seed \(seed)")
        let areHabitsEqual = replica.habits == ledger.habits.filter { !$0.value.isDeleted }.mapValues(\.fields)
        #expect(areHabitsEqual, "seed \(seed)")
        let areDaysEqual = replica.cells.mapValues(\.cell) == visible.mapValues(\.cell)
        #expect(areDaysEqual, "seed \(seed)")
        // The server has decided every operation that this device stores as decided, exactly once:
        // each number occurs once. (A restored device starts new numbers; a server that lost them
        // and holds the first use of a number cannot know of the second.)
        for kept in replica.kept where !(device.wasRestored && world.hasGoneBack) {
          let known = person.decided[replica.deviceID]?[kept.operation.seq]
          let isThere = known?.operation == kept.operation
          #expect(isThere, "seed \(seed): an acknowledged operation is missing")
        }
      }
      for (habitID, habit) in ledger.habits {
        let counted = ledger.cells.filter { $0.key.habitID == habitID && $0.value.cell.counts }.map(\.key.day)
        let whole = StreakSummary(countedDays: counted)
        #expect(habit.summary.total == whole.total && habit.summary.longest == whole.longest, "seed \(seed)")
        #expect(habit.summary.lastRun == whole.lastRun, "seed \(seed)")
      }
      checkDays(person, seed)
      // A day that counted counts again, also if its statements had to be sent again, and late.
      let isRestored = world.replicas.contains { $0.wasRestored && $0.replica.userID == userID }
      for key in world.counted[userID] ?? [] where !isRestored {
        guard let cell = ledger.cells[key]?.cell, cell.done else { continue }
        #expect(cell.trust == .counted, "seed \(seed): \(key) counted before")
      }
      checkInbox(person, seed, hasLostSilently: world.hasLostSilently)
    }
  }

  /// A day is done as long as a completion exists that no undo names, in any order and with any
  /// number of repetitions; so an undone day stays undone.
  private func checkDays(_ person: ModelServer.Person, _ seed: UInt64) {
    var completions: [CellKey: Set<StatementID>] = [:]
    var undone: [CellKey: Set<StatementID>] = [:]
    var unknown: Set<CellKey> = []
    for (deviceID, operations) in person.decided {
      for (operation, outcome) in operations.values where outcome.status != .rejected {
        switch operation.change.stated {
        case .setCompletion(let wanted):
          let key = CellKey(habitID: wanted.habitID, day: wanted.day)
          if wanted.done {
            completions[key, default: []].insert(StatementID(source: deviceID, seq: operation.seq))
          } else {
            undone[key, default: []].formUnion(wanted.undone ?? [])
            if wanted.undone == nil { unknown.insert(key) }
          }
        default: break
        }
      }
    }
    for (key, clientTime) in completions where !unknown.contains(key) {
      // A later completion of a device replaces its earlier ones.
      let isDone = clientTime.contains { id in
        !(undone[key] ?? []).contains { name in
          name == id || (name.source == id.source && name.seq > id.seq && clientTime.contains(name))
        }
      }
      #expect(person.ledger.cells[key]?.cell.done == isDone, "seed \(seed): \(key)")
    }
  }

  /// Only invalid operations are rejected, and every losing value is in a notice.
  private func checkInbox(_ person: ModelServer.Person, _ seed: UInt64, hasLostSilently: Bool) {
    let decided = person.decided.values.flatMap(\.values)
    // A habit may be lost this way, and is not stated again.
    let isClockWrong = decided.contains { $0.outcome.rejection == .clockSkew }
    for (operation, outcome) in decided {
      switch (operation.change, outcome.rejection) {
      case (_, nil), (.malformed, _), (_, .clockSkew), (_, .futureDay): break
      case (_, .habitNotFound) where isClockWrong: break
      // Nothing tells a device that the server has lost another device's habit, if other changes
      // came in its place.
      case (_, .habitNotFound) where hasLostSilently: break
      default: Issue.record("seed \(seed): \(operation) is rejected: \(String(describing: outcome.rejection))")
      }
      guard outcome.status == .superseded else { continue }
      switch operation.change.stated {
      case .editHabit, .setNote:
        let isKept = outcome.noticeID.map { person.ledger.notices[$0] != nil } == true
        #expect(isKept, "seed \(seed): a loser was not kept")
      default: break
      }
    }
  }

  static func digest(of ledger: PersonLedger) -> StateDigest {
    var digest = AccountSettings.itemDigest(dayStartMinutes: ledger.settings.dayStartMinutes)
    for (id, habit) in ledger.habits where !habit.isDeleted {
      digest += HabitState.itemDigest(habitID: id, habit.fields)
    }
    for (key, cell) in ledger.cells where ledger.habits[key.habitID]?.isDeleted == false {
      digest += CellState.itemDigest(key, cell.cell)
    }
    return digest
  }
}
