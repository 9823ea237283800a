import EventLoop
import Postgres
import StreakDomain
@testable import StreakStore
import Testing

@Suite(.serialized) struct ErasureTests {
  private static func event(_ userID: Identifier? = nil) -> AuditEventRecord {
    AuditEventRecord(
      userID: userID, occurredAt: .sample, method: "AccountService/DeleteAccount", outcome: "OK", reason: "",
      deviceID: nil, peerAddress: "", detail: "")
  }

  /// An account with rows in every table.
  private static func account(_ email: String) -> NewAccount {
    let habit = HabitEntry.sample()
    let rejected = RejectedEntry(
      entryID: .random(), migrationID: nil, index: 3, habitID: habit.id, day: Day(30_000), done: true, note: "n",
      clientTime: .sample(), reason: .futureDay, rejectedAt: .sample)
    return .sample(
      email,
      session: .sample(
        habits: [(habit, StreakSummary(countedDays: [Day(Instant.sampleDay)]))],
        cells: [.sample(habit.id, day: Instant.sampleDay)], rejected: [rejected]))
  }

  /// Rows of a user, by table.
  private static func rows(_ test: TestStore, _ userID: Identifier) async throws -> [String: Int64] {
    var counts: [String: Int64] = [:]
    for table in TableRegistry.personal {
      counts[table.name] = try await test.database.run(
        Statement(.read, "SELECT count(*) FROM \(table.name) WHERE \(table.userColumn) = $1"),
        parameters: [.uuid(userID.uuid)]
      ).one { row throws(DatabaseError) in try row.int64(0) }
    }
    return counts
  }

  @Test("an erasure removes every row of the user, and of no other")
  func erasing() async throws {
    try await TestStore.run { test async throws in
      let (mira, other) = (Self.account("mira@example.org"), Self.account("other@example.org"))
      _ = try await test.store.signUp(mira)
      _ = try await test.store.signUp(other)
      for insertion in [
        """
        cell_history (user_id, habit_id, source_id, seq, changed_time, version, occurred_at, recorded_at, day,
          utc_offset_seconds, day_start_minutes, quarantine_reason, done, note, zone)
        SELECT user_id, habit_id, source_id, seq, changed_time, version, occurred_at, recorded_at, day,
          utc_offset_seconds, day_start_minutes, quarantine_reason, done, note, zone FROM cells WHERE user_id = $1
        """,
        "claimed_documents VALUES (uuid_send($1), $1, $1)",
        "operations VALUES ($1, $1, 1, '', 1, 0, 0, 1, NULL, now())",
        "rejected_operations VALUES ($1, $1, 1, NULL, 12, now())",
        "notices VALUES ($1, $1, 1, $1, 0, 0, '', '', NULL, now(), 1, false)",
        "notice_acknowledgements VALUES ($1, $1, $1, now())",
        "imports VALUES ($1, $1, '', now())",
        "recovery_codes VALUES ($1, uuid_send($1), now(), $1, NULL, NULL)",
        "sign_in_approvals VALUES ($1, $1, '', '123456', $1, '', '', '', '', now(), now(), NULL, NULL)",
        "mail_outbox VALUES ($1, $1, 1, 'mira@example.org', '', '', now(), now(), now())",
        "mail_tokens VALUES ($1, '', 1, 'mira@example.org', 'mira@example.org', NULL, 0, now())",
        "recoveries VALUES ($1, $1, 'backup', now(), now(), 2, '', '', NULL)",
      ] {
        _ = try await test.database.run(
          Statement(.write, "INSERT INTO \(insertion)"), parameters: [.uuid(mira.userID.uuid)])
      }
      let before = try await Self.rows(test, other.userID)
      #expect(try await Self.rows(test, mira.userID).values.allSatisfy { $0 > 0 }, "the test misses a table")
      let records = try #require(try await test.store.erase(mira.userID, at: .sample, Self.event()))
      #expect(records.people == [.init(userID: mira.userID, erasedAt: .sample)])
      #expect(records.sessions.map(\.sessionID) == [mira.session?.record.migration.sessionID].compactMap { $0 })
      #expect(try await Self.rows(test, mira.userID).values.allSatisfy { $0 == 0 })
      #expect(try await Self.rows(test, other.userID) == before)
      #expect(try await test.store.isErased(mira.userID))
      #expect(try await !test.store.isErased(other.userID))
      let sessionID = try #require(records.sessions.first).sessionID
      #expect(try await test.store.presentedSession(sessionID).erasedSecretHash == records.sessions.first?.secretHash)
      #expect(try await test.store.erase(mira.userID, at: .sample, Self.event()) == nil)
    }
  }

  // C98
  @Test("the same email may sign up again, empty")
  func again() async throws {
    try await TestStore.run { test async throws in
      let first = Self.account("mira@example.org")
      _ = try await test.store.signUp(first)
      _ = try await test.store.erase(first.userID, at: .sample, Self.event())
      let second = NewAccount.sample("mira@example.org")
      #expect(try await test.store.signUp(second) == .signedUp)
      #expect(try await test.store.habitCount(of: second.userID) == 0)
    }
  }

  // C96
  @Test("a restored database loses all users in the ledger, once")
  func applying() async throws {
    try await TestStore.run { test async throws in
      let (mira, other) = (Self.account("mira@example.org"), Self.account("other@example.org"))
      _ = try await test.store.signUp(mira)
      _ = try await test.store.signUp(other)
      let unclaimed = SessionRecord(
        sessionID: .random(), secretHash: [UInt8](repeating: 7, count: 32), anchor: .sample)
      _ = try await test.store.startSession(unclaimed, at: .sample)
      let ledger = ErasureRecords(
        people: [
          .init(userID: mira.userID, erasedAt: .sample), .init(userID: .random(), erasedAt: .sample),
        ],
        sessions: [.init(sessionID: unclaimed.sessionID, secretHash: unclaimed.secretHash, userID: mira.userID)])
      #expect(try await test.store.apply(ledger) == 2)
      #expect(try await Self.rows(test, mira.userID).values.allSatisfy { $0 == 0 })
      #expect(try await test.store.session(unclaimed.sessionID) == nil)
      #expect(try await test.store.user(other.userID) != nil)
      #expect(try await test.store.apply(ledger) == 0)
    }
  }

  @Test("rows of one erased person that cannot be removed keep those of no other")
  func sweptApart() async throws {
    try await TestStore.run { test async throws in
      let people = (0..<7).map { _ in Identifier.random() }
      _ = try await test.store.apply(ErasureRecords(people: people.map { .init(userID: $0, erasedAt: .sample) }))
      for userID in people {
        _ = try await test.database.run(
          Statement(.write, "INSERT INTO recovery_codes VALUES ($1, uuid_send($1), now(), $1, NULL, NULL)"),
          parameters: [.uuid(userID.uuid)])
      }
      for change in [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''damaged''; END'",
        """
        CREATE TRIGGER refuse BEFORE DELETE ON recovery_codes FOR EACH ROW WHEN (OLD.user_id = '\(people[2])')
          EXECUTE FUNCTION refuse()
        """,
      ] { _ = try await test.database.run(Statement(.write, change)) }
      await #expect(throws: StoreError.self) { try await test.store.sweepErasures(since: .sample) }
      #expect(try await test.count("recovery_codes") == 1)
      _ = try await test.database.run(Statement(.write, "DROP TRIGGER refuse ON recovery_codes"))
      try await test.store.sweepErasures(since: .sample)
      #expect(try await test.count("recovery_codes") == 0)
    }
  }

  // C119
  @Test("a device that signs in during the account's erasure leaves nothing behind, and gets an error")
  func signInRace() async throws {
    try await TestStore.run { test async throws in
      let account = Self.account("mira@example.org")
      _ = try await test.store.signUp(account)
      _ = try await test.store.erase(account.userID, at: .sample, Self.event())
      await #expect(throws: StoreError.noSuchUser) {
        try await test.store.signIn(.sample(), of: account.userID, .sample(9), at: .sample)
      }
      #expect(try await Self.rows(test, account.userID).values.allSatisfy { $0 == 0 })
    }
  }

  /// A user's rows in the audit.
  private static func auditRows(_ test: TestStore, of userID: Identifier) async throws -> Int64 {
    try await test.database.run(
      Statement(.read, "SELECT count(*) FROM audit_events WHERE user_id = $1"), parameters: [.uuid(userID.uuid)]
    ).one { row throws(DatabaseError) in try row.int64(0) }
  }

  @Test("an event of a call that ends after its account's erasure names neither the account nor the device")
  func lateEvent() async throws {
    try await TestStore.run { test async throws in
      let account = Self.account("mira@example.org")
      _ = try await test.store.signUp(account)
      _ = try await test.store.erase(account.userID, at: .sample, Self.event())
      var late = Self.event(account.userID)
      late.deviceID = account.device.deviceID
      late.detail = "late"
      try await test.store.recordAudit(late)
      #expect(try await Self.auditRows(test, of: account.userID) == 0)
      let found = try await test.database.run(
        Statement(.read, "SELECT user_id, device_id IS NULL, hash IS NULL FROM audit_events WHERE detail = 'late'")
      ).map { row throws(DatabaseError) in (try row.identifier(0), try row.bool(1), try row.bool(2)) }
      #expect(found.count == 1 && found.allSatisfy { $0 == (.zero, true, true) })
      // The device of an attempt without an account stays.
      late.userID = nil
      late.detail = "no account"
      try await test.store.recordAudit(late)
      let kept = try await test.database.run(
        Statement(.read, "SELECT device_id FROM audit_events WHERE detail = 'no account'")
      ).one { row throws(DatabaseError) in try row.identifier(0) }
      #expect(kept == account.device.deviceID)
    }
  }

  @Test("an event that is stored during an erasure waits for its end, and then names no account")
  func eventDuringErasure() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let account = Self.account("mira@example.org")
      _ = try await test.store.signUp(account)
      let userID = account.userID
      let waiting = Statement(
        .read,
        """
        SELECT count(*) FROM pg_locks
        WHERE locktype = 'transactionid' AND transactionid = pg_current_xact_id()::xid AND NOT granted
        """)
      let store = test.store
      var event = Self.event(userID)
      event.detail = "during"
      let stored = event
      // The erasure has removed the account's row and its trail, and has not ended.
      let appended = try await test.database.transacting { transaction throws(StoreError) in
        try await transaction.execute(
          Statement(.write, "DELETE FROM users WHERE user_id = $1"), .identifier(userID))
        try await transaction.execute(Statement(.write, "SELECT erase_audit_trail($1)"), .identifier(userID))
        let appending = Task(executorPreference: test.loops[1]) { try await store.recordAudit(stored) }
        var waiters: Int64 = 0
        while waiters == 0 {
          waiters = try await transaction.rows(waiting) { row throws(DatabaseError) in try row.int64(0) }.first ?? 0
        }
        return .commit(appending)
      }
      try await appended.value
      #expect(try await Self.auditRows(test, of: userID) == 0)
      #expect(try await Self.auditRows(test, of: .zero) > 0)
    }
  }

  /// Makes calls on two loops while their account is erased: no row of it is left.
  private static func race(
    _ call: @escaping @Sendable (TestStore, NewAccount, _ number: Int) async throws -> Void
  ) async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let account = Self.account("mira@example.org")
      _ = try await test.store.signUp(account)
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<20 {
          group.addTask(executorPreference: test.loops[number % 2]) { try? await call(test, account, number) }
        }
        group.addTask(executorPreference: test.loops[1]) {
          _ = try? await test.store.erase(account.userID, at: .sample, Self.event())
        }
      }
      #expect(try await Self.rows(test, account.userID).values.allSatisfy { $0 == 0 })
    }
  }

  @Test("events that are stored beside an erasure leave no row of the account", arguments: 0..<4)
  func auditRace(_: Int) async throws {
    try await Self.race { test, account, _ in _ = try await test.store.recordAudit(Self.event(account.userID)) }
  }

  @Test("after concurrent changes and an erasure nothing is left", arguments: 0..<4)
  func changeRace(_: Int) async throws {
    try await Self.race { test, account, number in
      let person = TestPerson(test: test, userID: account.userID, deviceID: account.device.deviceID, habitID: .zero)
      let edit = Operation.HabitEdit(habitID: .random(), fields: HabitFields(name: "\(number)"))
      _ = try await person.change(.editHabit(edit))
    }
  }
}
