import EventLoop
import StreakDomain
import StreakStore
import Testing

@Suite(.serialized) struct ExportTests {
  @Test("an export visits every row of one user, and of no other, in the order of the kinds")
  func everything() async throws {
    try await TestStore.run { test async throws in
      let habit = HabitEntry.sample()
      let cells = (0..<1200).map { SavedLedger.Cell.sample(habit.id, day: 10_957 + Int32($0)) }
      let rejected = RejectedEntry(
        entryID: .random(), migrationID: nil, index: 3, habitID: habit.id, day: Day(30_000), done: true, note: "n",
        clientTime: .sample(), reason: .futureDay, rejectedAt: .sample)
      let account = NewAccount.sample(
        session: .sample(habits: [(habit, .empty)], cells: cells, rejected: [rejected]))
      _ = try await test.store.signUp(account)
      _ = try await test.store.signUp(.sample("other@example.org", session: .sample(habits: [(.sample(), .empty)])))
      var kinds: [String] = []
      var cellCount = 0
      let isComplete = try await test.store.export(of: account.userID) { rows in
        switch rows {
        case .account: kinds.append("account")
        case .devices(let rows): kinds.append("devices \(rows.count)")
        case .habits(let rows): kinds.append("habits \(rows.count)")
        case .cells(let rows): cellCount += rows.count
        case .earlierCells: kinds.append("history")
        case .rejected(let rows): kinds.append("rejected \(rows.count)")
        case .rejectedOperations(let rows): kinds.append("rejected operations \(rows.count)")
        case .notices(let rows): kinds.append("notices \(rows.count)")
        case .migrations(let rows): kinds.append("migrations \(rows.count)")
        case .auditEvents(let rows): kinds.append("audit \(rows.count)")
        }
        return true
      }
      #expect(isComplete == .complete && cellCount == 1200)
      #expect(kinds == ["account", "devices 1", "habits 1", "rejected 1", "migrations 1", "audit 1"])
      let stopped = try await test.store.export(of: account.userID) { _ in false }
      #expect(stopped == .stopped)
      await #expect(throws: StoreError.noSuchUser) { try await test.store.export(of: .random()) { _ in true } }
    }
  }

  @Test("one export of a person runs at a time across processes, others' do not wait, and its end makes room")
  func oneForEachPerson() async throws {
    try await TestStore.run { test async throws in
      let (account, other) = (NewAccount.sample(), NewAccount.sample("other@example.org"))
      for account in [account, other] { _ = try await test.store.signUp(account) }
      let elsewhere = try await test.anotherStore()
      var whileItRuns: [ExportEnd] = []
      let first = try await test.store.export(of: account.userID) { rows in
        guard case .account = rows else { return true }
        for userID in [account.userID, other.userID] {
          if let end = try? await elsewhere.export(of: userID, { _ in true }) { whileItRuns.append(end) }
        }
        return true
      }
      #expect(first == .complete && whileItRuns == [.busy, .complete])
      let after = try await elsewhere.export(of: account.userID) { _ in true }
      #expect(after == .complete)
      // One that is given up makes room as well.
      _ = try await elsewhere.export(of: account.userID) { _ in false }
      let last = try await test.store.export(of: account.userID) { _ in true }
      #expect(last == .complete)
      await elsewhere.close()
    }
  }
}
