import Cryptography
import Postgres
import SplitMix
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

/// The limits of one user's data (S5): at each limit, and one past it.
@Suite struct QuotaTests {
  @Test("a note beyond the quota is refused but not its day; a shorter note is always accepted")
  func texts() async throws {
    try await Self.run({ $0.textBytesMax = 1_000 }) { person in
      let room = 1_000 - (try await person.use()).textBytes
      let fits = try await person.change(.day(person.habitID, Instant.sampleDay - 1, note: Self.text(room)))
      let full = try await person.use()
      #expect(fits.outcomes[0].rejection == nil && full.textBytes == 1_000)

      let past = try await person.change(.day(person.habitID, Instant.sampleDay, note: "n"))
      #expect(past.outcomes[0].status == .applied && past.outcomes[0].rejection == .textQuota)
      let key = CellKey(habitID: person.habitID, day: Day(Instant.sampleDay))
      #expect(past.ledger.cells[key]?.cell == CellContent(done: true, note: "", trust: .counted))

      #expect(
        try await person.change(.note(person.habitID, Instant.sampleDay, "n")).outcomes[0].rejection == .textQuota)
      let habit = Operation.Change.editHabit(Operation.HabitEdit(habitID: .random(), fields: HabitFields(name: "x")))
      #expect(try await person.change(habit).outcomes[0].rejection == .textQuota)
      #expect(person.test.store.quotaCounts.textsRefused == 3)

      #expect(
        try await person.change(.note(person.habitID, Instant.sampleDay - 1, "short")).outcomes[0].rejection == nil)
      #expect(try await person.change(.note(person.habitID, Instant.sampleDay, "n")).outcomes[0].rejection == nil)
    }
  }

  @Test("a queued completion with a note beyond the quota is applied, and is in the inbox with the reason")
  func queuedTexts() async throws {
    try await Self.run({ $0.textBytesMax = 300 }) { person in
      let long = Self.text(300)
      let outcomes = try await person.queue([.day(person.habitID, Instant.sampleDay - 1, note: long)], from: 1).get()
        .outcomes
      #expect(outcomes[0].status == .applied && outcomes[0].rejection == .textQuota)
      let again = try await person.queue([.day(person.habitID, Instant.sampleDay - 1, note: long)], from: 1).get()
        .outcomes
      #expect(again == outcomes)
      let inbox = try await person.inbox()
      #expect(
        inbox.map(\.seq) == [1] && inbox[0].reason == .textQuota && inbox[0].operation?.count == 20)
    }
  }

  @Test("beyond the quota a superseded note leaves its hash")
  func history() async throws {
    try await Self.run({ $0.historyBytesMax = 100 }) { person in
      for note in [Self.text(60), Self.text(40), Self.text(1), "last"] {
        _ = try await person.change(.day(person.habitID, Instant.sampleDay - 1, note: note))
      }
      // For a direct call on a simple day only the note counts: 60 and 40 bytes are 100.
      let rows = try await person.history()
      #expect(rows.map(\.note) == [Self.text(60), Self.text(40), ""])
      #expect(rows.map(\.hash) == [[], [], SHA256.digest(of: Array(Self.text(1).utf8))])
      #expect((try await person.use()).historyBytes == 100)
      #expect(person.test.store.quotaCounts.historyTextsDropped == 1)
      let key = CellKey(habitID: person.habitID, day: Day(Instant.sampleDay - 1))
      let now = try await person.change(.day(person.habitID, Instant.sampleDay - 1, note: "after it"))
      #expect(now.ledger.cells[key]?.cell.note == "after it")
    }
  }

  @Test("beyond the quota no superseded state is kept, and devices still get every day's last one")
  func historyStates() async throws {
    try await Self.run({ $0.historyStatesBytesMax = 3 * StorageUse.historyStateBytes }) { person in
      let (store, tablet) = (person.test.store, try await person.onAnotherDevice())
      func pull(_ since: Int64) async throws -> [CellKey: String] {
        let page = try await store.pull(
          of: tablet.userID, for: tablet.deviceID, since: since, at: nil, cellsMax: 100)
        #expect(page.next == nil)
        return Dictionary(page.cells.map { ($0.key, $0.cell.cell.note) }) { _, _ in "twice" }
      }
      let days = (0..<3).map { CellKey(habitID: person.habitID, day: Day(Instant.sampleDay - $0)) }
      func write(_ day: Int, _ note: String) async throws -> Int64 {
        try await person.change(.day(person.habitID, days[day].day.number, note: note)).ledger.changeNumber
      }
      var numbers: [Int64] = []
      // The fourth and later changes of a day leave nothing of what they supersede.
      for note in ["a", "b", "c", "d"] { numbers.append(try await write(0, note)) }
      #expect(try await person.history().map(\.note) == ["a", "b", "c"])
      #expect(store.quotaCounts.historyStatesDropped == 0)
      numbers.append(try await write(0, "e"))
      _ = try await write(1, "old")
      numbers.append(try await write(1, "new"))
      // Three states of a new day in one change, and two of an old one.
      let changes = ["x", "y", "z"].map { Operation.Change.day(person.habitID, days[2].day.number, note: $0) }
      let again = ["f", "g"].map { Operation.Change.day(person.habitID, days[0].day.number, note: $0) }
      let queued = try await person.queue(changes + again, from: 1).get()
      #expect(queued.outcomes.allSatisfy { $0.status == .applied })
      #expect(try await person.history().map(\.note) == ["a", "b", "c"])
      #expect(store.quotaCounts.historyStatesDropped == 6)
      #expect((try await person.use()).historyStatesBytes == 3 * StorageUse.historyStateBytes)
      let last = [days[0]: "g", days[1]: "new", days[2]: "z"]
      #expect(try await pull(0) == last)
      for number in numbers.prefix(5) { #expect(try await pull(number) == last, "\(number)") }
      #expect(try await pull(numbers[5]) == [days[0]: "g", days[2]: "z"])
      #expect(try await pull(queued.ledger.changeNumber).isEmpty)
    }
  }

  @Test("beyond the quota a rejected operation leaves its reason and hash")
  func inbox() async throws {
    try await Self.run({ $0.inboxBytesMax = 40 }) { person in
      let lost = (0..<3).map { _ in Operation.Change.deleteHabit(.random()) }
      let outcomes = try await person.queue(lost, from: 1).get().outcomes
      #expect(outcomes.allSatisfy { $0.status == .rejected && $0.rejection == .habitNotFound })
      let inbox = try await person.inbox().sorted { $0.seq < $1.seq }
      #expect(inbox.map { $0.operation?.count } == [20, 20, nil])
      #expect(inbox.allSatisfy { $0.reason == .habitNotFound && !$0.payloadHash.isEmpty })
      #expect((try await person.use()).inboxBytes == 40)
      #expect(person.test.store.quotaCounts.inboxPayloadsDropped == 1)
    }
  }

  @Test("changes beyond a day's limit wait for the next day, and none of them is applied")
  func changes() async throws {
    try await Self.run({ $0.changesPerDayMax = 4 }) { person in
      // The habit was the first.
      let three = (0..<3).map { Operation.Change.day(person.habitID, Instant.sampleDay - 3 + $0) }
      _ = try await person.queue(three, from: 1).get()
      let refused = try await person.queue([.day(person.habitID, Instant.sampleDay)], from: 4)
      let passed = Instant.sample.milliseconds % 86_400_000
      #expect(throws: QueueRefusal.tooManyChanges(retryMilliseconds: UInt64(86_400_000 - passed))) {
        try refused.get()
      }
      // A replay is not a change.
      #expect(try await person.queue(three, from: 1).get().outcomes.count == 3)
      let tomorrow = ChangeRequest(
        userID: person.userID, deviceID: person.deviceID, work: .direct(.day(person.habitID, Instant.sampleDay)),
        queueDrained: false, now: Instant.sample.advanced(bySeconds: 86_400 - passed / 1_000))
      #expect(try await person.test.store.change(tomorrow).get().outcomes[0].status == .applied)
      #expect(person.test.store.quotaCounts.callsDelayed == 1)
    }
  }

  @Test("the counters match the tables' content", arguments: UInt64(0)..<4)
  func counts(seed: UInt64) async throws {
    try await Self.run({ $0.historyBytesMax = 3_000 }) { person in
      var random = SplitMix64(seed: seed)
      let devices = [person, try await person.onAnotherDevice()]
      var next: [Int64] = [1, 1]
      for _ in 0..<60 {
        let place = Int.random(in: 0...1, using: &random)
        let day = Int32.random(in: (Instant.sampleDay - 2)...Instant.sampleDay, using: &random)
        let text = Self.text(Int.random(in: 0...200, using: &random))
        let change: Operation.Change =
          switch Int.random(in: 0...5, using: &random) {
          case 0: .day(person.habitID, day, note: text)
          case 1: .day(person.habitID, day, done: false)
          case 2: .note(person.habitID, day, text)
          case 3:
            .editHabit(
              Operation.HabitEdit(
                habitID: person.habitID, fields: HabitFields(name: "read", description: text), changed: [.description]))
          case 4: .deleteHabit(person.habitID)
          default: .day(person.habitID, day)
          }
        // Half of the operations know of nothing: they cause conflicts, and notices.
        let seen = Bool.random(using: &random) ? try await devices[place].seen() : .nothing
        _ = try await devices[place].queue([change], from: next[place], seen: seen).get()
        next[place] += 1
      }
      let use = try await person.use()
      let stored = try await person.test.database.run(Statement(.read, Self.storedBytes)).one {
        row throws(DatabaseError) in [try row.int64(0), try row.int64(1)]
      }
      #expect(stored == [Int64(use.textBytes), Int64(use.historyBytes)], "seed \(seed)")
    }
  }

  // The tables hold one user.
  private static let storedBytes = """
    SELECT (SELECT coalesce(sum(octet_length(note) + octet_length(details)), 0) FROM cells)
      + (SELECT sum(128 + octet_length(name) + octet_length(description) + octet_length(statements)) FROM habits)
      + (SELECT coalesce(sum(octet_length(winning_value) + octet_length(losing_value)), 0) FROM notices WHERE kind IN (1, 3)),
      (SELECT coalesce(sum(octet_length(note) + octet_length(details)), 0) FROM cell_history)
    """

  private static func text(_ count: Int) -> String { String(repeating: "n", count: count) }

  private static func run(
    _ set: (inout StorageQuotas) -> Void, _ body: @escaping @Sendable (TestPerson) async throws -> Void
  ) async throws {
    var limits = StoreLimits()
    set(&limits.quotas)
    try await TestStore.run(limits: limits) { test async throws in try await body(TestPerson.signUp(test)) }
  }
}

extension TestPerson {
  fileprivate func use() async throws -> StorageUse {
    let text = "SELECT storage_use FROM heads WHERE user_id = '\(userID)'"
    return try await test.database.run(Statement(.read, text)).one { row throws(DatabaseError) in
      StorageUse(encoded: try row.bytes(0))
    }
  }

  fileprivate func inbox() async throws -> [RejectedOperation] {
    try await test.store.rejectedOperations(of: userID, after: .start, countMax: 100)
  }

  fileprivate func history() async throws -> [(note: String, hash: [UInt8])] {
    let text = "SELECT note, note_hash FROM cell_history ORDER BY next_version"
    return try await test.database.run(Statement(.read, text)).map { row throws(DatabaseError) in
      (note: try row.string(0), hash: try row.bytes(1))
    }
  }
}

extension Operation.Change {
  fileprivate static func note(_ habitID: Identifier, _ day: Int32, _ text: String) -> Operation.Change {
    .setNote(
      Operation.Note(habitID: habitID, day: Day(day), text: text, clientTime: .sample(day: Instant.sampleDay)))
  }
}
