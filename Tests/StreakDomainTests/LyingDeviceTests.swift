import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

/// Operations with any content, also with false clocks, days, zones, names and knowledge: the
/// stored changes must equal the difference of the states.
@Suite("Devices that lie")
struct LyingDeviceTests {
  private static let devices = (1...3).map { Identifier(high: 1, low: $0) }
  private static let habitIDs = (1...3).map { Identifier(high: 2, low: $0) }

  @Test("digest, numbers and stored changes are correct after each request", arguments: seeds(32))
  func requests(seed: UInt64) {
    for part in 0..<4 {
      var run = Run(seed: seed * 4 + UInt64(part))
      for _ in 0..<25 {
        run.request()
        guard run.failures.isEmpty else {
          Issue.record("seed \(seed), part \(part): \(run.failures)")
          return
        }
      }
    }
  }

  private struct Run {
    var random: SplitMix64
    var now = noon
    var ledger: PersonLedger
    var seqs: [Identifier: Int64] = [:]
    var ids: UInt64 = 0
    var failures: [String] = []

    init(seed: UInt64) {
      random = SplitMix64(seed: seed)
      ledger = PersonLedger(epoch: Epoch(number: 7), firstDay: today.advanced(by: -3), habitsMax: 2)
      for device in devices {
        ledger.register(deviceID: device, now: noon - Int64(device.low - 1) * 9 * dayMilliseconds)
      }
    }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &random)] }

    mutating func request() {
      now += Int64.random(in: 0...(pick([1, 1, 1, 20, 60]) * hour), using: &random)
      let device = pick(devices)
      let before = ledger
      for _ in 0..<pick([1, 1, 2, 5]) {
        let seq = seqs[device, default: 0] + 1
        seqs[device] = seq
        let change = change()
        let ahead = pick(
          [0, 0, 0, -40 * dayMilliseconds, 59_000, 60_001, dayMilliseconds - 1, dayMilliseconds, Int64.min / 2]
            as [Int64])
        let operation = Operation(
          seq: seq, time: HybridTime(now + ahead, counter: UInt16.random(in: 0...3, using: &random)),
          seen: seen(), change: change)
        _ = ledger.apply(
          operation, by: device, now: now,
          clock: ClockRules(now: now, sentAt: pick([nil, now, now + 90_000, .max, .min] as [Instant?])))
        ledger.advance(deviceID: device, to: seq)
        if Int.random(in: 0..<6, using: &random) == 0 { _ = ledger.applyDirectly(self.change(), by: device, now: now) }
      }
      if Bool.random(using: &random) { ledger.finishBackfill(of: device, now: now) }
      ledger.readFullHabits(from: before)
      ledger.finishChange(now: now) {
        ids += 1
        return Identifier(high: 9, low: ids)
      }
      check(since: before)
      ledger.commit()
    }

    private mutating func id() -> StatementID {
      StatementID(
        source: pick(devices + [StatementID.directCalls, Identifier(high: 66, low: 6)]),
        seq: pick([1, 2, 3, 5, 8, 0, -1, .max, .min, Int64.random(in: 1...60, using: &random)]))
    }

    private mutating func seen() -> SeenStatements {
      switch Int.random(in: 0..<5, using: &random) {
      case 0: .nothing
      case 1: SeenStatements((0..<Int.random(in: 0...4, using: &random)).map { _ in id() })
      default: ledger.sources.seen(by: nil)
      }
    }

    private mutating func change() -> Operation.Change {
      let habitID = pick(pick([[habitIDs[0]], habitIDs]))
      let ago = pick(pick([[0, 1], [0, 1], [2, 3, 4, 5, 8], [29, 30, 31, 60, -1, -2]]))
      let clientTime = ClientTime(
        occurredAt: now - Int64(ago) * dayMilliseconds, zone: pick(["x", "x", "x", ""]),
        utcOffsetSeconds: pick(pick([[0], [3_600], [50_400, -43_200], [0, 50_401, -43_201]])),
        dayStartMinutes: pick(pick([[0], [0], [240], [0, 1_439, 1_440]])))
      let day = pick(
        pick([[clientTime.day], [clientTime.day], [clientTime.day.advanced(by: 1), Day(10_956), Day(.max)]]))
      let note = pick([nil, nil, "", "sun", "rain", String(repeating: "n", count: 4_097)] as [String?])
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<7:
        return .setCompletion(
          Operation.Completion(habitID: habitID, day: day, done: true, note: note, clientTime: clientTime))
      case 7..<10:
        let count = pick([0, 1, 3, DayStatements.undoneMax, DayStatements.undoneMax + 1])
        let names = pick(
          [nil, ledger.cells[CellKey(habitID: habitID, day: day)]?.completions, (0..<count).map { _ in id() }]
            as [[StatementID]?])
        return .setCompletion(
          Operation.Completion(habitID: habitID, day: day, done: false, clientTime: clientTime, undone: names))
      case 10..<12:
        return .setNote(Operation.Note(habitID: habitID, day: day, text: note ?? "", clientTime: clientTime))
      case 12..<15:
        let fields = HabitFields(
          name: pick(["read", "run", ""]), description: pick(["", "often"]), color: pick([0, 1, 0x100_0000]),
          position: pick([0, 1_000_000, -1]), archived: pick([false, false, true]))
        return .editHabit(
          Operation.HabitEdit(
            habitID: habitID, fields: pick([fields, HabitFields(name: "row")]),
            changed: Set(pick([HabitField.allCases, [.name], [.color, .archived], []]))))
      case 15: return .deleteHabit(habitID)
      case 16, 17:
        let noticeID = pick(Array(ledger.notices.keys.sorted().prefix(40)) + [Identifier(high: 3, low: 3)])
        return .resolveConflict(
          Operation.Resolution(
            noticeID: noticeID, takesLosing: pick([true, false]), statement: pick([nil, change()])))
      case 18: return .setDayStart(pick([0, 240, 1_439, 1_440, -1]))
      default: return .malformed
      }
    }

    private mutating func check(since before: PersonLedger) {
      func expect(_ holds: Bool, _ what: String) { if !holds { failures.append(what) } }
      var digest = AccountSettings.itemDigest(dayStartMinutes: ledger.settings.dayStartMinutes)
      for (id, habit) in ledger.habits {
        let cells = ledger.cells.filter { $0.key.habitID == id }
        let days = cells.filter(\.value.cell.counts).map(\.key.day)
        expect(
          habit.summary.total == days.count && habit.summary == StreakSummary(countedDays: days), "summary of \(id)")
        expect(habit.earlyDays == days.count { $0 < ledger.firstDay }, "early days of \(id)")
        expect(habit.earlyDays <= DayRules.earlyDaysMax, "bound of \(id)")
        guard !habit.isDeleted else { continue }
        digest += HabitState.itemDigest(habitID: id, habit.fields)
        for (key, cell) in cells { digest += CellState.itemDigest(key, cell.cell) }
      }
      expect(digest == ledger.digest, "digest")
      // The limit is exceeded only if a day restored a deleted habit: limits do not lose days.
      expect(ledger.habitCount == ledger.habits.values.count { !$0.isDeleted }, "number of habits")
      // Stored values can be read back.
      for (key, cell) in ledger.cells {
        var stored = CellState(
          cell: cell.cell, version: cell.version, stamp: cell.stamp, clientTime: cell.clientTime,
          recordedAt: cell.recordedAt)
        stored.setDetails(encoded: cell.encodedDetails)
        expect(stored == cell, "stored day \(key.day)")
      }
      for habit in ledger.habits.values {
        expect(
          HabitStatements(encoded: habit.encodedStatements, fields: habit.fields) == habit.statements, "stored habit")
      }
      let changes = ledger.changes
      expect(
        Set(changes.cells.keys) == Set(ledger.cells.keys.filter { ledger.cells[$0] != before.cells[$0] }), "cells")
      expect(
        changes.habits.isSuperset(of: ledger.habits.keys.filter { ledger.habits[$0] != before.habits[$0] }), "habits")
      expect(
        changes.notices.isSuperset(of: ledger.notices.keys.filter { ledger.notices[$0] != before.notices[$0] }),
        "notices")
      // Each change rewrites these.
      expect(!changes.isEmpty || ledger.zones == before.zones, "zones")
      expect(!changes.isEmpty || ledger.sources == before.sources, "sources")
      expect(changes.areSettingsChanged || ledger.settings == before.settings, "settings")
      expect(changes.isEmpty || ledger.changeNumber > before.changeNumber, "change number")
      // Every replaced state is kept, and names the one that replaced it.
      for (key, change) in changes.cells {
        expect(change.isReplacement == (before.cells[key] != nil), "replacement of \(key.day)")
        let passing = changes.passingStates.filter { $0.key == key }
        let versions = passing.map(\.state.version) + [ledger.cells[key]?.version ?? 0]
        expect([change.firstVersion] + passing.map(\.nextVersion) == versions, "history of \(key.day)")
      }
    }
  }
}
