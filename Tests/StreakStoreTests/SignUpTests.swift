import EventLoop
import StreakDomain
import StreakStore
import Testing

@Suite(.serialized) struct SignUpTests {
  @Test("a sign-up with a session stores the account with all its data")
  func withSession() async throws {
    try await TestStore.run { test async throws in
      let habit = HabitEntry.sample()
      let days = Array(Instant.sampleDay - 2...Instant.sampleDay)
      let session = NewMigration.sample(
        habits: [
          (habit, StreakSummary(countedDays: days.map { Day($0) }))
        ],
        cells: days.map { .sample(habit.id, day: $0, note: "día \($0)") })
      let account = NewAccount.sample(session: session)
      #expect(try await test.store.signUp(account) == .signedUp)

      let user = try #require(try await test.store.user(account.userID))
      #expect(user.email == account.email && user.changeNumber == 1)
      #expect(try await test.store.userID(emailKey: account.emailKey) == account.userID)
      let streak = try await test.store.streak(of: account.userID, habitID: habit.id)
      #expect(streak?.summary == StreakSummary(countedDays: days.map { Day($0) }))
      #expect(
        try await test.store.habits(of: account.userID, includingArchived: false, after: .start, countMax: 10) == [
          habit
        ])
      #expect(
        try await test.store.migration(session.record.migration.migrationID, of: account.userID)
          == session.record.migration)
      let claimed = try #require(try await test.store.session(session.record.migration.sessionID))
      #expect(claimed.claimedBy == account.userID && claimed.migrationID == session.record.migration.migrationID)
      #expect(try await test.count("audit_events") == 1)
      #expect(
        try await test.store.accessGrant(of: account.userID, accessHash: account.credential.accessHash, at: .sample)
          != nil)
    }
  }

  @Test("a refused sign-up leaves nothing, and its session untouched")
  func refused() async throws {
    try await TestStore.run { test async throws in
      #expect(try await test.store.signUp(.sample("a@example.org")) == .signedUp)
      let anchor = Instant.sample
      let session = SessionRecord(sessionID: .random(), secretHash: [UInt8](repeating: 5, count: 32), anchor: anchor)
      #expect(try await test.store.startSession(session, at: anchor))
      let habit = HabitEntry.sample()
      let migration = NewMigration.sample(
        sessionID: session.sessionID, anchor: anchor, habits: [(habit, .empty)],
        cells: [.sample(habit.id, day: Instant.sampleDay)])
      #expect(try await test.store.signUp(.sample("a@example.org", session: migration)) == .emailTaken)
      #expect(try await test.store.session(session.sessionID)?.claimedBy == nil)
      for table in ["habits", "cells", "migrations", "rejected_entries"] {
        #expect(try await test.count(table) == 0, "\(table)")
      }
      for table in ["users", "emails", "devices", "audit_events"] {
        #expect(try await test.count(table) == 1, "\(table)")
      }
      #expect(try await test.store.signUp(.sample("b@example.org", session: migration)) == .signedUp)
    }
  }

  @Test("a session that is claimed, or differs from the caller's version, is not claimed again")
  func sessionChanged() async throws {
    try await TestStore.run { test async throws in
      let sessionID = Identifier.random()
      #expect(
        try await test.store.signUp(.sample("a@example.org", session: .sample(sessionID: sessionID))) == .signedUp)
      for migration in [
        NewMigration.sample(sessionID: sessionID), .sample(sessionID: sessionID, anchor: .sample),
        .sample(sessionID: .random(), anchor: .sample),
      ] {
        #expect(try await test.store.signUp(.sample("b@example.org", session: migration)) == .sessionChanged)
      }
      #expect(try await test.count("users") == 1)
    }
  }

  @Test("of 32 concurrent sign-ups with one session, one makes an account", arguments: [true, false])
  func race(anchored: Bool) async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let store = test.store
      let sessionID = Identifier.random()
      let anchor: Instant? = anchored ? .sample : nil
      if anchored {
        let session = SessionRecord(sessionID: sessionID, secretHash: [UInt8](repeating: 5, count: 32), anchor: anchor)
        #expect(try await store.startSession(session, at: .sample))
      }
      let outcomes = try await withThrowingTaskGroup(of: SignUpOutcome.self) { group in
        for index in 0..<32 {
          let email = index < 16 ? "same@example.org" : "\(index)@example.org"
          group.addTask(executorPreference: test.loops[index % 2]) {
            try await store.signUp(.sample(email, session: .sample(sessionID: sessionID, anchor: anchor)))
          }
        }
        return try await group.reduce(into: [SignUpOutcome]()) { $0.append($1) }
      }
      #expect(outcomes.count { $0 == .signedUp } == 1)
      for table in ["users", "emails", "devices", "migrations"] {
        #expect(try await test.count(table) == 1, "\(table)")
      }
    }
  }

  @Test("10,000 cells are stored with one sign-up")
  func large() async throws {
    try await TestStore.run { test async throws in
      let habit = HabitEntry.sample()
      let cells = (0..<10_000).map { SavedLedger.Cell.sample(habit.id, day: 10_957 + Int32($0)) }
      let account = NewAccount.sample(session: .sample(habits: [(habit, .empty)], cells: cells))
      #expect(try await test.store.signUp(account) == .signedUp)
      #expect(try await test.count("cells") == 10_000)
    }
  }
}
