import SplitMix
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

  /// How ids and names of several sessions are the same.
  enum Kind: CaseIterable, Sendable {
    /// Each id is in one session, and two habits of one session may have one name.
    case apart
    /// The sessions are copies of one another, gone on with: an id is in several of them, always
    /// with one name.
    case copies
    /// An id is in several of them, under whatever name, and two habits of one session may have one
    /// name.
    case renamed
  }

  /// A session of some habits.
  private static func session(_ number: UInt64, _ kind: Kind, _ random: inout SplitMix64) -> Session {
    var habits: [CapturedSession.Habit] = []
    var entries: [CapturedSession.Entry] = []
    for _ in 0...Int.random(in: 0...2, using: &random) {
      let place = Int.random(in: names.indices, using: &random)
      let id =
        switch kind {
        case .apart: Identifier(high: UInt64.random(in: 1...1_000_000, using: &random), low: number)
        case .copies: Identifier(high: UInt64(place + 1), low: 0)
        case .renamed: Identifier(high: UInt64.random(in: 1...5, using: &random), low: 7)
        }
      let name = HabitName.normalised(names[place])
      if kind == .copies && habits.contains(where: { HabitName.normalised($0.fields.name) == name }) { continue }
      if habits.contains(where: { $0.id == id }) { continue }
      habits.append(
        CapturedSession.Habit(
          id: id,
          fields: HabitFields(
            name: names[place], description: Bool.random(using: &random) ? "about \(number)" : "",
            color: UInt32.random(in: 0...2, using: &random))))
      for ago in 0..<Int.random(in: 0...4, using: &random) {
        var time = clientTime(today.advanced(by: -ago))
        // No two notes are of one moment.
        time.occurredAt -= Int64(number) * 60_000 + Int64(habits.count) * 1_000
        entries.append(
          CapturedSession.Entry(
            habitID: id, day: today.advanced(by: -ago), done: Int.random(in: 0...3, using: &random) > 0,
            note: Bool.random(using: &random) ? "note \(number) of \(id)" : "", clientTime: time,
            occurredAtSeconds: time.occurredAt.seconds, occurredAtNanos: 0))
      }
    }
    var capturedAt = clientTime(today)
    capturedAt.occurredAt -= Int64(number) * 1_000
    let captured = CapturedSession(
      habits: habits, entries: entries, capturedAt: capturedAt,
      manifest: CapturedSession.Manifest(habitCount: habits.count, entryCount: entries.count, sha256: []))
    return Session(plan: MigrationPlan(captured, anchor: nil, now: noon), number: number)
  }

  private static func migrate(_ session: Session, into ledger: inout PersonLedger) throws {
    let captured = session.plan.habits.map { ($0.captured.id, $0.captured.fields.name) }
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

  @Test("three sessions in every order give the same digest", arguments: 0..<8, Kind.allCases)
  func anyOrder(chunk: UInt64, kind: Kind) throws {
    for seed in chunk * 50..<(chunk + 1) * 50 {
      var random = SplitMix64(seed: seed)
      let sessions = (1...3).map { Self.session($0, kind, &random) }
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

  private static func captured(
    _ number: UInt64, _ habits: [(id: UInt64, name: String, days: [Int])]
  ) -> Session {
    let entries = habits.flatMap { habit in
      habit.days.map { ago in
        let time = clientTime(today.advanced(by: -ago))
        return CapturedSession.Entry(
          habitID: Identifier(high: habit.id, low: 0), day: today.advanced(by: -ago), done: true,
          note: "\(number), \(habit.id)", clientTime: time, occurredAtSeconds: time.occurredAt.seconds,
          occurredAtNanos: 0)
      }
    }
    var capturedAt = clientTime(today)
    capturedAt.occurredAt -= Int64(10 - number) * 1_000
    let captured = CapturedSession(
      habits: habits.map {
        CapturedSession.Habit(id: Identifier(high: $0.id, low: 0), fields: HabitFields(name: $0.name))
      }, entries: entries, capturedAt: capturedAt,
      manifest: CapturedSession.Manifest(habitCount: habits.count, entryCount: entries.count, sha256: []))
    return Session(plan: MigrationPlan(captured, anchor: nil, now: noon), number: number)
  }

  /// The ids of the account's habits after some sessions, and the days of each.
  private static func habits(_ sessions: [Session], in order: [Int]) throws -> [UInt64: [Int32]] {
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: today.advanced(by: -365))
    for place in order where place < sessions.count { try migrate(sessions[place], into: &ledger) }
    #expect(ledger.digest == recomputed(ledger))
    return Dictionary(
      uniqueKeysWithValues: ledger.habits.filter { !$0.value.isDeleted }.map { id, _ in
        (id.high, ledger.cells.keys.filter { $0.habitID == id }.map { today.number - $0.day.number }.sorted())
      })
  }

  @Test("what two sessions call one habit makes it one with every other session's habit of either name")
  func connected() throws {
    // 5 is "Read" and "Run"; 3 is another session's "Read", 8 another one's "Run".
    let sessions = [
      Self.captured(1, [(5, "Read", [0])]), Self.captured(2, [(5, "Run", [1])]),
      Self.captured(3, [(3, "read", [0, 2])]),
    ]
    for order in Self.orders { #expect(try Self.habits(sessions, in: order) == [3: [0, 1, 2]], "\(order)") }
  }

  @Test("a renamed habit and a new one of its former name stay two, in either order")
  func renamedApart() throws {
    let sessions = [
      Self.captured(1, [(5, "Read", [0])]), Self.captured(2, [(5, "Run", [1]), (6, "Read", [2])]),
    ]
    for order in [[0, 1], [1, 0]] { #expect(try Self.habits(sessions, in: order) == [5: [0, 1], 6: [2]], "\(order)") }
  }

  @Test("two habits of one name in one session stay two, also with a copy that has one of them")
  func twins() throws {
    let twins = Self.captured(1, [(5, "Read", [0]), (6, "Read", [1])])
    #expect(try Self.habits([twins], in: [0]) == [5: [0], 6: [1]])
    for id in [UInt64(5), 6] {
      let sessions = [twins, Self.captured(2, [(id, "Read", [2])])]
      let expected: [UInt64: [Int32]] = id == 5 ? [5: [0, 2], 6: [1]] : [5: [0], 6: [1, 2]]
      for order in [[0, 1], [1, 0]] { #expect(try Self.habits(sessions, in: order) == expected, "\(order)") }
    }
  }

  @Test("habits that become one keep every note: one is shown, the other told")
  func notesOfJoined() throws {
    let sessions = [
      Self.captured(1, [(5, "Read", [0])]), Self.captured(2, [(6, "Run", [0])]), Self.captured(3, [(5, "Run", [])]),
    ]
    for order in Self.orders {
      var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: today.advanced(by: -365))
      for place in order { try Self.migrate(sessions[place], into: &ledger) }
      let cell = try #require(ledger.cells[CellKey(habitID: Identifier(high: 5, low: 0), day: today)])
      let open = ledger.notices.values.filter { $0.kind == .noteConflict && !$0.isResolved }
      #expect(Set([cell.cell.note] + open.compactMap(\.losingValue?.text)) == ["1, 5", "2, 6"], "\(order)")
    }
  }

  @Test(
    "an undo of a migrated day takes back that of its own habit when both become one, before or after",
    arguments: [true, false])
  func migratedDaysOfJoined(isEarlier: Bool) throws {
    let sessions = [
      Self.captured(1, [(5, "Read", [0]), (6, "Run", [0])]), Self.captured(2, [(7, "Read", [])]),
      Self.captured(3, [(7, "Run", [])]),
    ]
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: today.advanced(by: -365))
    try Self.migrate(sessions[0], into: &ledger)
    let (key, device) = (CellKey(habitID: Identifier(high: 6, low: 0), day: today), LedgerSample.phone)
    let names = try #require(ledger.cells[key]).completions
    let undo = Operation.Completion(
      habitID: key.habitID, day: key.day, done: false, clientTime: clientTime(today), undone: names)
    let seen = SeenStatements(names)
    let operation = Operation(seq: 1, time: HybridTime(noon), seen: seen, change: .setCompletion(undo))
    if isEarlier { #expect(ledger.apply(operation, by: device, now: noon).status == .applied) }
    ledger.commit()
    for session in sessions.dropFirst() { try Self.migrate(session, into: &ledger) }
    if !isEarlier { #expect(ledger.apply(operation, by: device, now: noon).status == .applied) }
    #expect(ledger.habits[key.habitID]?.aliasOf != nil)
    let cell = try #require(ledger.cells[CellKey(habitID: Identifier(high: 5, low: 0), day: today)])
    #expect(cell.cell.done && cell.completions == names)
    #expect(ledger.digest == Self.recomputed(ledger))
  }

  @Test("a device's ticks of habits that become one are taken back one by one, in whichever order both come")
  func ticksOfJoined() throws {
    let sessions = [
      Self.captured(1, [(5, "Read", [])]), Self.captured(2, [(6, "Run", [])]), Self.captured(3, [(7, "Walk", [])]),
      Self.captured(4, [(5, "Run", [])]), Self.captured(5, [(5, "Walk", [])]),
    ]
    func completion(_ id: UInt64, _ undone: [StatementID]? = nil) -> Operation.Change {
      .setCompletion(
        Operation.Completion(
          habitID: Identifier(high: id, low: 0), day: today, done: undone == nil, clientTime: clientTime(today),
          undone: undone))
    }
    for (stands, second, third) in [(5, 6, 7), (6, 5, 7), (6, 7, 5), (7, 6, 5)] as [(UInt64, UInt64, UInt64)] {
      for place in 3...5 {
        var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: today.advanced(by: -365))
        let seen = SeenStatements(
          sessions.prefix(3).map { StatementID(.migration, Identifier(high: 5, low: $0.number)) })
        for (index, session) in sessions.enumerated() where index < place { try Self.migrate(session, into: &ledger) }
        // When: the device ticks all three and takes the second and the third one back.
        let device = LedgerSample.phone
        let named = [2, 3].map { StatementID(source: device, seq: $0) }
        let changes = [
          completion(stands), completion(second), completion(third), completion(second, [named[0]]),
          completion(third, [named[1]]),
        ]
        for (index, change) in changes.enumerated() {
          let operation = Operation(
            seq: Int64(index) + 1, time: HybridTime(noon + Int64(index)), seen: seen, change: change)
          #expect(ledger.apply(operation, by: device, now: noon + 60_000).status == .applied)
          ledger.advance(deviceID: device, to: operation.seq)
        }
        ledger.commit()
        for (index, session) in sessions.enumerated() where index >= place { try Self.migrate(session, into: &ledger) }
        let cell = try #require(ledger.cells[CellKey(habitID: Identifier(high: 5, low: 0), day: today)])
        #expect(cell.cell.done, "\(stands) \(second) \(third), after \(place)")
        #expect(cell.completions == [StatementID(source: device, seq: 1)])
      }
    }
  }

  @Test("no more early days count in a habit than may, however many habits become it")
  func earlyDays() throws {
    let sessions = [
      Self.captured(1, [(5, "Read", Array(0..<30))]), Self.captured(2, [(6, "Run", Array(20..<50))]),
      Self.captured(3, [(5, "Run", [])]),
    ]
    for order in Self.orders {
      var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: today.advanced(by: 1))
      for place in order { try Self.migrate(sessions[place], into: &ledger) }
      let counted = ledger.cells.values.count { $0.cell.counts }
      #expect(counted <= DayRules.earlyDaysMax, "\(order): \(counted)")
      #expect(ledger.digest == Self.recomputed(ledger), "\(order)")
    }
  }

  @Test("the account's own habit keeps its id, also if the session's is smaller")
  func ownHabit() throws {
    var sample = LedgerSample(habits: [Identifier(high: 500, low: 0)])
    for number in 1...20 as ClosedRange<UInt64> {
      var random = SplitMix64(seed: number)
      try Self.migrate(Self.session(number, .apart, &random), into: &sample.ledger)
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
    let completion = Operation.Completion(habitID: old, day: today, done: true, clientTime: clientTime(today))
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
      .setCompletion(Operation.Completion(habitID: new, day: today, done: false, clientTime: clientTime(today))),
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
