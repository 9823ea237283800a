@testable import StreakDomain
import TestSupport
import Testing

/// Sessions with habits of one name under several ids (Specification.md, section 5; C113).
@Suite("Aliases of habits")
struct HabitAliasTests {
  private static let names = ["Read", " read", "READ ", "Run", "Straße", "STRASSE"]

  private struct Session {
    var plan: MigrationPlan
    var number: UInt64
  }

  /// A session with some habits.
  /// - Parameter isCopy: The sessions are copies of one another that were continued: several of
  ///   them share an id, always with one name. Otherwise each id is in one session, and two habits
  ///   of one session may have one name.
  private static func session(_ number: UInt64, isCopy: Bool, _ random: inout SeededGenerator) -> Session {
    var habits: [CapturedSession.Habit] = []
    var entries: [CapturedSession.Entry] = []
    for _ in 0...Int.random(in: 0...2, using: &random) {
      let place = Int.random(in: names.indices, using: &random)
      let id =
        isCopy
        ? Identifier(high: UInt64(place + 1), low: 0)
        : Identifier(high: UInt64.random(in: 1...1_000_000, using: &random), low: number)
      let name = HabitName.normalised(names[place])
      if isCopy && habits.contains(where: { HabitName.normalised($0.name) == name }) { continue }
      habits.append(
        CapturedSession.Habit(
          id: id.bytes, name: names[place], description: Bool.random(using: &random) ? "about \(number)" : "",
          color: UInt32.random(in: 0...2, using: &random)))
      for ago in 0..<Int.random(in: 0...4, using: &random) {
        var time = made(today.advanced(by: -ago))
        time.occurredAt -= Int64(number) * 60_000
        entries.append(
          CapturedSession.Entry(
            habitID: id.bytes, day: today.advanced(by: -ago), done: Int.random(in: 0...3, using: &random) > 0,
            note: Bool.random(using: &random) ? "note \(number)" : "", made: time,
            occurredAtSeconds: time.occurredAt.seconds, occurredAtNanos: 0))
      }
    }
    var capturedAt = made(today)
    capturedAt.occurredAt -= Int64(number) * 1_000
    let captured = CapturedSession(
      habits: habits, entries: entries, capturedAt: capturedAt,
      manifest: CapturedSession.Manifest(habitCount: habits.count, entryCount: entries.count, sha256: []))
    return Session(plan: MigrationPlan(captured, anchor: nil, now: noon), number: number)
  }

  private static func migrate(_ session: Session, into ledger: inout PersonLedger) throws {
    let captured = session.plan.habits.compactMap { habit in
      Identifier(habit.captured.id).map { ($0, habit.captured.name) }
    }
    let before = ledger
    let merged = ledger.migrate(
      session.plan, matching: try HabitMatching(captured, account: ledger.habits),
      migrationID: Identifier(high: 5, low: session.number), isNewAccount: false, now: noon)
    _ = try #require(merged)
    ledger.readFullHabits(from: before)
    ledger.commit()
  }

  /// The digest and the summaries recomputed from the content.
  private static func recomputed(_ ledger: PersonLedger) -> StateDigest {
    var digest = ledger.settings.digest
    for (id, habit) in ledger.habits where !habit.isDeleted {
      digest += HabitState.itemDigest(habitID: id, habit.fields)
      let days = ledger.cells.filter { $0.key.habitID == id && $0.value.cell.counts }.keys.map(\.day)
      #expect(habit.summary == StreakSummary(countedDays: days))
    }
    for (key, state) in ledger.cells {
      #expect(ledger.habits[key.habitID]?.aliasOf == nil)
      digest += CellState.itemDigest(key, state.cell)
    }
    return digest
  }

  private static let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]

  @Test("three sessions in every order give the same digest", arguments: 0..<8, [false, true])
  func anyOrder(chunk: UInt64, isCopy: Bool) throws {
    for seed in chunk * 50..<(chunk + 1) * 50 {
      var random = SeededGenerator(seed: seed)
      let sessions = (1...3).map { Self.session($0, isCopy: isCopy, &random) }
      var digests: [StateDigest] = []
      for order in Self.orders {
        var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: today.advanced(by: -365))
        for place in order { try Self.migrate(sessions[place], into: &ledger) }
        #expect(ledger.digest == Self.recomputed(ledger), "seed \(seed), order \(order)")
        #expect(ledger.habitCount == ledger.habits.values.count { !$0.isDeleted }, "seed \(seed), order \(order)")
        for (id, habit) in ledger.habits {
          guard let other = habit.aliasOf else { continue }
          #expect(ledger.habits[other]?.aliasOf == nil && other < id, "seed \(seed), order \(order)")
        }
        digests.append(ledger.digest)
      }
      #expect(Set(digests).count == 1, "seed \(seed)")
    }
  }

  @Test("the account's own habit keeps its id, also if the session's is smaller")
  func ownHabit() throws {
    var sample = LedgerSample(habits: [Identifier(high: 500, low: 0)])
    for number in 1...20 as ClosedRange<UInt64> {
      var random = SeededGenerator(seed: number)
      try Self.migrate(Self.session(number, isCopy: false, &random), into: &sample.ledger)
    }
    #expect(sample.ledger.habits[Identifier(high: 500, low: 0)]?.aliasOf == nil)
    #expect(sample.ledger.habits[Identifier(high: 500, low: 0)]?.isDeleted == false)
    #expect(sample.ledger.digest == Self.recomputed(sample.ledger))
  }

  @Test("a device shows entries made under the former id, and states the alias again if the server has lost it")
  func replica() throws {
    let (old, new, person) = (Identifier(high: 2, low: 2), Identifier(high: 1, low: 1), Identifier(high: 3, low: 3))
    var replica = DeviceReplica(userID: person, deviceID: LedgerSample.phone)
    func receive(_ number: Int64, epoch: UInt64 = 1, _ body: (inout SyncChanges) -> Void) {
      var changes = SyncChanges(cursor: Cursor(epoch: Epoch(number: Int64(epoch)), changeNumber: number))
      changes.lastSeq = replica.lastSeq
      body(&changes)
      #expect(replica.receive(changes, to: replica.submission, at: noon) == .good)
    }
    receive(1) { $0.habits = [SyncChanges.Habit(id: old, fields: HabitFields(name: "Read"))] }
    let completion = Operation.Completion(habitID: old, day: today, done: true, made: made(today))
    replica.make(.setCompletion(completion), at: noon)
    receive(2) { changes in
      changes.lastSeq = 0
      changes.habits = [SyncChanges.Habit(id: new, fields: HabitFields(name: "Read"))]
      changes.deletedHabits = [old]
      changes.aliases = [old: new]
    }
    #expect(replica.shownHabits.keys.sorted() == [new])
    #expect(replica.shownCell(CellKey(habitID: new, day: today))?.done == true)
    #expect(replica.shownCells.keys.map(\.habitID) == [new])
    // An undo under the current id takes back a completion made under the former one.
    let undo = replica.make(
      .setCompletion(Operation.Completion(habitID: new, day: today, done: false, made: made(today))),
      at: noon + 1)
    guard case .setCompletion(let taken) = undo.change else {
      Issue.record("\(undo)")
      return
    }
    #expect(taken.undone == [StatementID(source: LedgerSample.phone, seq: 1)])

    let restored = DeviceReplica(restoring: replica.stored)
    #expect(restored.aliases == [old: new] && restored.stored == replica.stored)

    receive(0, epoch: 2) { changes in
      changes.isReset = true
      changes.lastSeq = 0
    }
    let stated = replica.submission.restatedHabits
    #expect(stated.map(\.id).sorted() == [new, old] && stated.first { $0.id == old }?.aliasOf == new)
    var ledger = PersonLedger(epoch: Epoch(number: 2), firstDay: today.advanced(by: -365))
    ledger.register(deviceID: LedgerSample.phone, now: noon)
    for habit in stated { ledger.restate(habit, now: noon) }
    let outcomes = replica.submission.operations.map { ledger.apply($0, by: LedgerSample.phone, now: noon) }
    #expect(outcomes.allSatisfy { $0.status == .applied })
    #expect(ledger.cells.keys.map(\.habitID) == [new] && ledger.habitCount == 1)
  }
}
