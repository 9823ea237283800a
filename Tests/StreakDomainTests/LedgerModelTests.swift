@testable import StreakDomain
import Testing

/// Any operations, also ones that lie about clocks, days, cursors and zones, decided by `PersonLedger` and by the slow model beside it.
@Suite struct LedgerModelTests {
  private static let devices = (1...3).map { Identifier(high: 1, low: $0) }
  private static let habitIDs = (1...4).map { Identifier(high: 2, low: $0) }
  private static let habitsMax = 3

  @Test("the ledger decides, counts and tells what the slow model does", arguments: seeds(16))
  func agreement(seed: UInt64) {
    for part in 0..<8 {
      var run = Run(seed: seed * 8 + UInt64(part))
      for _ in 0..<40 {
        run.step()
        guard run.agree() else { return }
      }
    }
  }

  private struct Run {
    let seed: UInt64
    var random: SeededGenerator
    var now = noon
    var ledger: PersonLedger
    var model: LedgerModel
    var seqs: [Identifier: Int64] = [:]
    var ids: UInt64 = 0

    init(seed: UInt64) {
      self.seed = seed
      random = SeededGenerator(seed: seed)
      ledger = PersonLedger(epoch: 7, habitsMax: habitsMax)
      let caughtUp = Dictionary(
        uniqueKeysWithValues: devices.map { ($0, noon - Int64(($0.low - 1) * 9) * dayMilliseconds) })
      for (id, time) in caughtUp {
        ledger.load(device: DeviceProgress(catchUp: CatchUp(caughtUpAtMilliseconds: time)), id: id)
      }
      model = LedgerModel(epoch: 7, habitsMax: habitsMax, devices: caughtUp)
    }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &random)] }

    /// One request: some operations of one device, and perhaps it has nothing left to send.
    mutating func step() {
      now += Int64.random(in: 0...(pick([1, 1, 1, 1, 20, 60]) * hour), using: &random)
      let device = pick(devices)
      let before = ledger
      model.begin()
      for _ in 0..<pick([1, 1, 2, 4]) {
        let seq = seqs[device, default: 0] + 1
        seqs[device] = seq
        let operation = operation(seq)
        let first = ids
        let ours = ledger.apply(operation, by: device, now: now) {
          ids += 1
          return Identifier(high: 9, low: ids)
        }
        ledger.advance(deviceID: device, to: seq)
        ids = first
        let theirs = model.apply(operation, by: device, now: now) {
          ids += 1
          return Identifier(high: 9, low: ids)
        }
        #expect(ours == theirs, "seed \(seed): \(operation)")
      }
      if pick([true, false]) {
        ledger.finishCatchUp(of: device, now: now)
        model.catchUp(device, now: now)
      }
      ledger.completeStale(from: before)
      let first = ids
      ledger.settle(now: now) {
        ids += 1
        return Identifier(high: 9, low: ids)
      }
      ids = first
      model.end(now: now) {
        ids += 1
        return Identifier(high: 9, low: ids)
      }
      // What moves only a device's own numbers takes a change number too.
      if ledger.changes.cells.isEmpty && ledger.changes.notices.isEmpty && ledger.changes.editedHabits.isEmpty {
        model.number += 1
      }
      checkChanges(since: before)
      ledger.commit()
    }

    private mutating func operation(_ seq: Int64) -> Operation {
      let number = ledger.changeNumber
      let older = Int64.random(in: 0...number, using: &random)
      let seen = pick(pick([[number], [number], [older], [older, 0, number + 1, -1, .max]]))
      let ahead = pick([
        0, 0, 0, 0, -40 * dayMilliseconds, 59_000, 60_001, 3 * hour, dayMilliseconds - 1, dayMilliseconds,
      ])
      return Operation(
        seq: seq, time: HybridTime(milliseconds: now + ahead, counter: UInt16.random(in: 0...3, using: &random)),
        seen: Cursor(epoch: pick([7, 7, 7, 7, 7, 6]), changeNumber: seen), change: change())
    }

    private mutating func change() -> Operation.Change {
      let habitID = pick(pick([[habitIDs[0]], habitIDs]))
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<11: return .setCompletion(completion(of: habitID))
      case 11..<15:
        let fields = HabitFields(
          name: pick(["read", "run", "rest", ""]), description: pick(["", "often"]),
          color: pick([0, 1, 0xFF_FFFF, 0x100_0000]),
          position: pick([0, 1, 1_000_000, -1]), archived: pick([false, false, true]))
        let valid =
          pick([true, true, true, false])
          ? HabitFields(name: pick(["read", "run"]), color: pick([0, 1]), archived: pick([false, false, true])) : fields
        let changed = pick([HabitField.allCases, [.name], [.color, .archived], []])
        return .editHabit(Operation.HabitEdit(habitID: habitID, fields: valid, changed: Set(changed)))
      case 15..<17: return .deleteHabit(habitID)
      case 17..<19:
        let known = ledger.notices.keys.sorted() + [Identifier(high: 8, low: 8)]
        return .resolveConflict(Operation.Resolution(noticeID: pick(known), takesOther: pick([true, false])))
      default: return .malformed
      }
    }

    private mutating func completion(of habitID: Identifier) -> Operation.Completion {
      let ago = pick(pick([[0, 1], [0, 1], [2, 3, 5, 8, 13], [29, 30, 31, 32, 60, -1, -2]]))
      let made = LocalTime(
        occurredAtMilliseconds: now - Int64(ago) * dayMilliseconds - Int64.random(in: 0..<1_000, using: &random),
        zone: pick(pick([["Etc/UTC"], ["x"], ["x"], ["x", ""]])),
        utcOffsetSeconds: pick(pick([[0], [0], [3_600], [50_400, -43_200], [0, 50_401, -43_201]])),
        dayStartMinutes: pick(pick([[0], [0], [0], [240], [0, 1_439, 1_440]])))
      let derived = made.day
      let day = pick(pick([[derived], [derived], [derived], [derived, derived.advanced(by: 1), Day(10_956)]]))
      return Operation.Completion(
        habitID: habitID, day: day, done: pick([true, true, false]),
        note: pick(
          pick([[""], [""], ["sun", "rain"], ["sun", "rain"], ["sun", String(repeating: "n", count: 4_097)]])),
        made: made)
    }

    /// Whether both hold the same state.
    func agree() -> Bool {
      let today = model.today(now: now)
      var differences: [String] = []
      func compare(_ what: String, _ ours: some Equatable, _ theirs: some Equatable) {
        let (ours, theirs) = ("\(ours)", "\(theirs)")
        if ours != theirs { differences.append("\(what): \(ours), the model has \(theirs)") }
      }
      compare("change number", ledger.changeNumber, model.number)
      compare("digest", ledger.digest, model.digest)
      compare("habits", ledger.habitCount, model.habitCount)
      compare("today", ledger.zones.today(now: now), today)
      compare("notices", ledger.notices.keys.sorted(), model.notices.keys.sorted())
      for (id, notice) in model.notices { compare("notice", ledger.notices[id], Optional(notice)) }
      compare("cells", ledger.cells.keys.sorted(), model.cells.keys.sorted())
      for (key, cell) in model.cells {
        let stamp = Stamp(version: cell.touch.number, time: cell.touch.time, deviceID: cell.touch.device)
        compare(
          "cell", ledger.cells[key],
          Optional(CellState(cell: cell.cell, stamp: stamp, made: cell.made, recordedAtMilliseconds: cell.recorded)))
      }
      compare("habits", ledger.habits.keys.sorted(), model.habits.keys.sorted())
      for (id, habit) in model.habits {
        guard let state = ledger.habits[id] else { continue }
        compare("fields", state.fields, habit.fields)
        compare("deleted", state.isDeleted, habit.isDeleted)
        compare("version", state.version, habit.number)
        compare("returned", state.returnedVersion, habit.returned)
        compare(
          "streak", state.summary.streak(today: today), LedgerModel.streak(model.countedDays(of: id), today: today))
      }
      #expect(differences == [], "seed \(seed)")
      return differences == []
    }

    /// What is to be stored is what differs, and every state that was replaced goes to the history.
    func checkChanges(since before: PersonLedger) {
      let changes = ledger.changes
      func devices(that differ: (DeviceProgress?, DeviceProgress?) -> Bool) -> [Identifier] {
        ledger.devices.keys.filter { differ(ledger.devices[$0], before.devices[$0]) }
      }
      #expect(
        Set(changes.cells.keys) == Set(ledger.cells.keys.filter { ledger.cells[$0] != before.cells[$0] }),
        "seed \(seed)")
      #expect(
        changes.habits.isSuperset(of: ledger.habits.keys.filter { ledger.habits[$0] != before.habits[$0] }),
        "seed \(seed)")
      #expect(
        changes.notices == Set(ledger.notices.keys.filter { ledger.notices[$0] != before.notices[$0] }), "seed \(seed)")
      #expect(
        changes.devices.isSuperset(of: devices { $0?.catchUp != $1?.catchUp }), "seed \(seed)")
      #expect(
        changes.holdsDecisions == !devices { $0?.lastSeq != $1?.lastSeq }.isEmpty, "seed \(seed)")
      let kept =
        changes.cells.compactMap { key, change in
          change.isReplacement ? before.cells[key].map { (key, $0.stamp.version) } : nil
        } + changes.passingStates.map { ($0.key, $0.state.stamp.version) }
      #expect(
        Set(kept.map { "\($0.0) \($0.1)" }) == Set(model.history.map { "\($0.key) \($0.cell.touch.number)" }),
        "seed \(seed)")
      // Every state names the one that came next.
      for (key, change) in changes.cells {
        let passing = changes.passingStates.filter { $0.key == key }
        let versions = passing.map(\.state.stamp.version) + [ledger.cells[key]?.stamp.version ?? 0]
        #expect([change.firstVersion] + passing.map(\.nextVersion) == versions, "seed \(seed)")
      }
    }
  }
}
