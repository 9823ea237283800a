import EventLoop
import StreakDomain
@testable import StreakStore
import Testing

@Suite(.serialized) struct LedgerTests {
  /// Why a test's decision refuses.
  private enum Refused: Error, Equatable {
    case becauseOfTheTest
  }

  private static func setting(_ cell: CellRecord) -> (LedgerState) -> Result<CellChange?, Refused> {
    { state in .success(CellChange(cell: cell, zoneUses: state.zoneUses)) }
  }

  /// An account with one habit; answers the person's and the habit's id.
  private static func account(_ test: TestStore) async throws -> (Identifier, Identifier) {
    let habit = HabitRecord.sample()
    let account = NewAccount.sample(session: .sample(habits: [(habit, .empty)]))
    let outcome = try await test.store.signUp(account)
    #expect(outcome == .signedUp)
    return (account.userID, habit.habitID)
  }

  @Test("after any sequence of changes the cached summary equals the recomputed one", arguments: seeds(12))
  func cachedSummary(seed: UInt64) async throws {
    try await TestStore.run { test async throws in
      var randomness = SplitMix64(seed: seed)
      let (userID, habitID) = try await Self.account(test)
      var expected: Set<Int32> = []
      for _ in 0..<60 {
        let day = Moment.sampleDay - Int32.random(in: 0..<12, using: &randomness)
        let done = Int.random(in: 0..<3, using: &randomness) > 0
        let quarantined = Int.random(in: 0..<5, using: &randomness) == 0
        let cell = CellRecord.sample(habitID, day: day, done: done, quarantineReason: quarantined ? 4 : 0)
        if cell.counts { expected.insert(day) } else { expected.remove(day) }
        let changed = try await test.store.changeCell(
          of: userID, habitID: habitID, day: day, Self.setting(cell)
        ).get()
        let recomputed = StreakSummary(countedDays: expected.map { Day($0) })
        #expect(changed.summary == recomputed)
        let read = try await test.store.streak(of: userID, habitID: habitID)
        #expect(read?.summary == recomputed)
      }
    }
  }

  @Test("200 changes of one person at once on two loops all take effect, each with a change number of its own")
  func concurrentChanges() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let (userID, habitID) = try await Self.account(test)
      let store = test.store
      let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
        for index in 0..<200 {
          group.addTask(executorPreference: test.loops[index % 2]) {
            let cell = CellRecord.sample(habitID, day: Moment.sampleDay - Int32(index))
            return try await store.changeCell(
              of: userID, habitID: habitID, day: cell.day, Self.setting(cell)
            ).get().cell.version
          }
        }
        return try await group.reduce(into: [Int64]()) { $0.append($1) }
      }
      #expect(Set(versions).count == 200)
      let streak = try #require(try await store.streak(of: userID, habitID: habitID))
      #expect(streak.summary.total == 200 && streak.summary.longest == 200)
      for loop in test.loops {
        let waiting = await Task(executorPreference: loop) { store.turns.peopleCount }.value
        #expect(waiting == 0)
      }
    }
  }

  @Test("an undone cell keeps its note, and its earlier state stays in the history")
  func undo() async throws {
    try await TestStore.run { test async throws in
      let (userID, habitID) = try await Self.account(test)
      let day = Moment.sampleDay
      let first = CellRecord.sample(habitID, day: day, note: "rain")
      _ = try await test.store.changeCell(of: userID, habitID: habitID, day: day, Self.setting(first))
      let undone = try await test.store.changeCell(of: userID, habitID: habitID, day: day) {
        state -> Result<CellChange?, Refused> in
        guard var cell = state.cell else { return .failure(.becauseOfTheTest) }
        cell.done = false
        return .success(CellChange(cell: cell, zoneUses: []))
      }.get()
      #expect(!undone.cell.done && undone.cell.note == "rain" && undone.summary == .empty)
      #expect(try await test.count("cells") == 1)
      #expect(try await test.count("cell_history") == 1)
    }
  }

  @Test("a refused or needless change writes nothing")
  func nothingWritten() async throws {
    try await TestStore.run { test async throws in
      let (userID, habitID) = try await Self.account(test)
      let refused = try await test.store.changeCell(
        of: userID, habitID: habitID, day: 20_000, { _ in .failure(Refused.becauseOfTheTest) })
      #expect(refused == .failure(.becauseOfTheTest))
      let cell = CellRecord.sample(habitID, day: 20_000)
      _ = try await test.store.changeCell(of: userID, habitID: habitID, day: 20_000, Self.setting(cell))
      let before = try #require(try await test.store.user(userID)).changeNumber
      let same = try await test.store.changeCell(
        of: userID, habitID: habitID, day: 20_000, { _ in Result<CellChange?, Refused>.success(nil) })
      #expect(try same.get().cell.version == before)
      #expect(try await test.store.user(userID)?.changeNumber == before)
      #expect(try await test.count("cell_history") == 0)
    }
  }

  @Test("a person who is gone is told apart from a habit that is not there")
  func missing() async throws {
    try await TestStore.run { test async throws in
      let (userID, _) = try await Self.account(test)
      await #expect(throws: StoreError.noSuchUser) {
        try await test.store.changeCell(
          of: .random(), habitID: .random(), day: 20_000, { _ in .failure(Refused.becauseOfTheTest) })
      }
      let seen = try await test.store.changeCell(of: userID, habitID: .random(), day: 20_000) { state in
        state.summary == nil ? .failure(Refused.becauseOfTheTest) : .success(nil)
      }
      #expect(seen == .failure(.becauseOfTheTest))
    }
  }

  @Test("streaks read at once are each the right person's and habit's", arguments: [1, 2, 300])
  func batchedReads(count: Int) async throws {
    try await TestStore.run { test async throws in
      let store = test.store
      var keys: [(user: Identifier, habit: Identifier, total: Int)] = []
      for index in 0..<min(count, 20) {
        let habit = HabitRecord.sample()
        let summary = StreakSummary(total: index, longest: 0, lastRun: nil)
        let account = NewAccount.sample("\(index)@example.org", session: .sample(habits: [(habit, summary)]))
        _ = try await store.signUp(account)
        keys.append((account.userID, habit.habitID, index))
      }
      let wanted = keys
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
          let key = wanted[index % wanted.count]
          group.addTask(executorPreference: test.loops[0]) {
            let streak = try await store.streak(of: key.user, habitID: key.habit)
            #expect(streak?.summary.total == key.total && streak?.habitID == key.habit)
            // Somebody else's habit is nobody's.
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
