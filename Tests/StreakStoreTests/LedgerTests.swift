import EventLoop
import Postgres
import SplitMix
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

@Suite(.serialized) struct LedgerTests {
  @Test("after any changes the cached state equals the recomputed one, digest included", arguments: seeds(8))
  func cachedState(seed: UInt64) async throws {
    try await TestStore.run { test async throws in
      var randomness = SplitMix64(seed: seed)
      let person = try await TestPerson.signUp(test)
      var expected: [Int32: CellContent] = [:]
      for step in 0..<60 {
        let day = Instant.sampleDay - Int32.random(in: 0..<12, using: &randomness)
        let done = Int.random(in: 0..<3, using: &randomness) > 0
        let answer = try await person.change(.day(person.habitID, day, done: done, note: "\(step)"))
        if answer.outcomes[0].status == .rejected { continue }
        let cell = try #require(answer.ledger.cells[CellKey(habitID: person.habitID, day: Day(day))]).cell
        #expect(cell.done == done && (!done || cell.note == "\(step)"))
        expected[day] = cell
        let counted = expected.filter(\.value.counts).map { Day($0.key) }
        let recomputed = StreakSummary(countedDays: counted)
        #expect(answer.ledger.habits[person.habitID]?.summary == recomputed, "seed \(seed)")
        let read = try await test.store.streak(of: person.userID, habitID: person.habitID)
        #expect(read?.summary == recomputed, "seed \(seed)")
        var digest = HabitState.itemDigest(habitID: person.habitID, HabitFields(name: "read"))
        for (day, cell) in expected {
          digest += CellState.itemDigest(CellKey(habitID: person.habitID, day: Day(day)), cell)
        }
        #expect(try await test.store.head(of: person.userID).digest == digest, "seed \(seed)")
      }
    }
  }

  @Test("200 concurrent changes of one user on two loops all take effect, each with a change number of its own")
  func concurrentChanges() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let person = try await TestPerson.signUp(test)
      let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
        for index in 0..<200 {
          group.addTask(executorPreference: test.loops[index % 2]) {
            try await person.change(.day(person.habitID, Instant.sampleDay - Int32(index))).outcomes[0].changeNumber
          }
        }
        return try await group.reduce(into: [Int64]()) { $0.append($1) }
      }
      #expect(Set(versions).count == 200)
      #expect(try await test.count("cells") == 200)
      let store = test.store
      for loop in test.loops {
        let count = await Task(executorPreference: loop) { store.writer.userCount }.value
        #expect(count == 0)
      }
    }
  }

  @Test("many concurrent changes of a few users on four loops: no caller sees a conflict, and no statement is refused")
  func races() async throws {
    try await TestStore.run(loopCount: 4) { test async throws in
      var people: [TestPerson] = []
      for index in 0..<60 { people.append(try await TestPerson.signUp(test, "\(index)@example.org")) }
      let everybody = people
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<400 {
          group.addTask(executorPreference: test.loops[caller % 4]) {
            var randomness = SplitMix64(seed: UInt64(caller))
            for step in 0..<20 {
              let person = everybody[Int.random(in: 0..<60, using: &randomness)]
              let change = Operation.Change.day(person.habitID, Instant.sampleDay, note: "\(caller) \(step)")
              let answer = try await person.change(change)
              #expect(answer.outcomes[0].status == .applied)
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await test.count("cell_history") == 400 * 20 - 60)
      let store = test.store
      for loop in test.loops {
        let count = await Task(executorPreference: loop) { store.writer.dividedCount }.value
        #expect(count == 0)
      }
    }
  }

  @Test("concurrent changes of 300 users need few transactions, each for its own user")
  func batches() async throws {
    try await TestStore.run { test async throws in
      var people: [TestPerson] = []
      for index in 0..<30 { people.append(try await TestPerson.signUp(test, "\(index)@example.org")) }
      let everybody = people
      let before = try await Self.committed(test)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<300 {
          let person = everybody[index % 30]
          group.addTask(executorPreference: test.loops[0]) {
            let answer = try await person.change(
              .day(person.habitID, Instant.sampleDay - Int32(index / 30), note: "\(index)"))
            #expect(answer.outcomes[0].status == .applied)
          }
        }
        try await group.waitForAll()
      }
      #expect(try await test.count("cells") == 300)
      #expect(try await Self.committed(test) - before < 100)
    }
  }

  private static func committed(_ test: TestStore) async throws -> Int64 {
    try await test.database.run(Statement(.write, "SELECT pg_current_xact_id()::text::bigint")).one {
      row throws(DatabaseError) in try row.int64(0)
    }
  }

  @Test("an undone cell keeps its note, and its earlier state stays in the history")
  func undo() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      _ = try await person.change(.day(person.habitID, Instant.sampleDay, note: "rain"))
      let undone = try await person.change(.day(person.habitID, Instant.sampleDay, done: false))
      let cell = undone.ledger.cells[CellKey(habitID: person.habitID, day: Day(Instant.sampleDay))]
      #expect(cell?.cell == CellContent(done: false, note: "rain", trust: .counted))
      #expect(undone.ledger.habits[person.habitID]?.summary == .empty)
      #expect(try await test.count("cells") == 1)
      #expect(try await test.count("cell_history") == 1)
    }
  }

  @Test("a refused or needless change writes nothing")
  func nothingWritten() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      let refused = try await person.change(.day(.random(), Instant.sampleDay))
      #expect(refused.outcomes[0].rejection == .habitNotFound)
      _ = try await person.change(.day(person.habitID, Instant.sampleDay))
      let before = try await test.store.head(of: person.userID)
      let same = try await person.change(.day(person.habitID, Instant.sampleDay))
      #expect(same.outcomes[0].status == .applied && same.outcomes[0].changeNumber == 0)
      #expect(try await test.store.head(of: person.userID) == before)
      #expect(try await test.count("cell_history") == 0)
    }
  }

  @Test("a missing user and a missing device give different errors")
  func missing() async throws {
    try await TestStore.run { test async throws in
      var person = try await TestPerson.signUp(test)
      person.deviceID = .random()
      let gone = try await test.store.change(person.request(.direct(.day(person.habitID, Instant.sampleDay))))
      guard case .failure(.deviceUnknown) = gone else {
        Issue.record("not told")
        return
      }
      person.userID = .random()
      let nobody = person
      await #expect(throws: StoreError.noSuchUser) {
        try await test.store.change(nobody.request(.direct(.day(nobody.habitID, Instant.sampleDay))))
      }
    }
  }

  @Test("a change that cannot be stored fails alone, not the others of the batch")
  func poisoned() async throws {
    try await TestStore.run { test async throws in
      _ = try await test.database.run(
        Statement(.write, "ALTER TABLE cells ADD CONSTRAINT no_poison CHECK (note <> 'poison')"))
      var people: [TestPerson] = []
      for index in 0..<12 { people.append(try await TestPerson.signUp(test, "\(index)@example.org")) }
      let everybody = people
      let outcomes = await withTaskGroup(of: (Int, Bool).self) { group in
        for index in 0..<24 {
          let person = everybody[index % 12]
          group.addTask(executorPreference: test.loops[0]) {
            let note = index == 5 ? "poison" : "fine"
            let change = Operation.Change.day(person.habitID, Instant.sampleDay - Int32(index / 12), note: note)
            return (index, (try? await person.change(change)) != nil)
          }
        }
        return await group.reduce(into: [Int: Bool]()) { $0[$1.0] = $1.1 }
      }
      #expect(outcomes.filter { !$0.value }.map(\.key) == [5])
      #expect(try await test.count("cells") == 23)
    }
  }

  @Test("concurrently read streaks belong to the right user and habit", arguments: [1, 2, 300])
  func batchedReads(count: Int) async throws {
    try await TestStore.run { test async throws in
      let store = test.store
      var keys: [(user: Identifier, habit: Identifier, total: Int)] = []
      for index in 0..<min(count, 20) {
        let habit = HabitEntry.sample()
        let summary = StreakSummary(total: index, longest: 0, lastRun: nil)
        let account = NewAccount.sample("\(index)@example.org", session: .sample(habits: [(habit, summary)]))
        _ = try await store.signUp(account)
        keys.append((account.userID, habit.id, index))
      }
      let wanted = keys
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
          let key = wanted[index % wanted.count]
          group.addTask(executorPreference: test.loops[0]) {
            let streak = try await store.streak(of: key.user, habitID: key.habit)
            #expect(streak?.summary.total == key.total && streak?.habitID == key.habit)
            // Another user's habit is not found.
            let other = wanted[(index + 1) % wanted.count]
            if other.user != key.user {
              let foreign = try await store.streak(of: key.user, habitID: other.habit)
              #expect(foreign == nil)
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
