import EventLoop
import Postgres
import StreakDomain
@testable import StreakStore
import Testing

@Suite(.serialized) struct AuditTests {
  /// A user with six events, the sign-up's included.
  private static func person(_ test: TestStore, _ email: String) async throws -> Identifier {
    let account = NewAccount.sample(email)
    _ = try await test.store.signUp(account)
    for index in 0..<5 {
      var event = account.auditEvent
      event.detail = "attempt \(index), Größe 10 ☂"
      event.deviceID = index % 2 == 0 ? nil : account.device.deviceID
      event.occurredAt = Instant(microseconds: Int64(index) * 86_400_000_001 - 1)
      try await test.store.recordAudit(event)
    }
    return account.userID
  }

  @Test("intact chains are valid, and events without a user are in none")
  func whole() async throws {
    try await TestStore.run { test async throws in
      _ = try await Self.person(test, "mira@example.org")
      _ = try await Self.person(test, "noa@example.org")
      var nobody = NewAccount.sample().auditEvent
      nobody.userID = nil
      try await test.store.recordAudit(nobody)
      let verification = try await test.store.verifyAudit()
      #expect(verification == AuditVerification(peopleCount: 2, eventCount: 12))
    }
  }

  @Test(
    "the first broken event is named, for any manipulation of the trail",
    arguments: [
      ("DELETE FROM audit_events WHERE user_id = $1 AND number = 3", "event 3 is missing"),
      (
        "UPDATE audit_events SET outcome = 'OK ' WHERE user_id = $1 AND number = 4",
        "event 4 is not the one that was stored"
      ),
      (
        "UPDATE audit_events SET occurred_at = occurred_at + interval '1 microsecond' WHERE user_id = $1 AND number = 2",
        "event 2 is not the one that was stored"
      ),
      (
        "UPDATE audit_events SET number = CASE number WHEN 2 THEN 5 ELSE 2 END WHERE user_id = $1 AND number IN (2, 5)",
        "event 2 is not the one that was stored"
      ),
      (
        """
        WITH gone AS (DELETE FROM audit_events WHERE user_id = $1 AND number = 2)
        UPDATE audit_events SET number = number - 1 WHERE user_id = $1 AND number > 2
        """, "event 2 is not the one that was stored"
      ),
      ("DELETE FROM audit_events WHERE user_id = $1 AND number > 4", "event 5 is missing"),
      ("DELETE FROM audit_events WHERE user_id = $1", "event 1 is missing"),
      ("DELETE FROM audit_heads WHERE user_id = $1", "event 1 was never stored"),
      (
        """
        WITH gone AS (DELETE FROM audit_events WHERE user_id = $1) DELETE FROM audit_heads WHERE user_id = $1
        """, "event 1 is missing"
      ),
      (
        """
        INSERT INTO audit_events SELECT user_id, 7, gen_random_uuid(), occurred_at, method, outcome, reason, device_id,
          peer_address, detail, hash FROM audit_events WHERE user_id = $1 AND number = 6
        """, "event 7 is not the one that was stored"
      ),
      (
        """
        INSERT INTO audit_events SELECT user_id, 0, gen_random_uuid(), occurred_at, method, outcome, reason, device_id,
          peer_address, detail, NULL FROM audit_events WHERE user_id = $1 AND number = 6
        """, "event 0 was never stored"
      ),
      ("UPDATE audit_heads SET number = 5 WHERE user_id = $1", "event 6 was never stored"),
      ("UPDATE audit_heads SET hash = sha256('x') WHERE user_id = $1", "the end after event 6 was changed"),
    ])
  func broken(sql: String, fault: String) async throws {
    try await TestStore.run { test async throws in
      let touched = try await Self.person(test, "mira@example.org")
      let other = try await Self.person(test, "noa@example.org")
      _ = try await test.database.run(Statement(.write, sql), .identifier(touched))
      let verification = try await test.store.verifyAudit()
      #expect(verification.faultCount == 1 && verification.faults.map(\.userID) == [touched])
      #expect(verification.faults.first?.description == fault)
      #expect(try await test.store.verifyAudit(of: other).faults.isEmpty)
      #expect(try await test.store.verifyAudit(of: touched).faultCount == 1)
    }
  }

  @Test("events beyond a user's bytes go, the oldest first, and what remains verifies; another's stay")
  func bounded() async throws {
    try await TestStore.run { test async throws in
      let other = try await Self.person(test, "noa@example.org")
      let account = NewAccount.sample("mira@example.org")
      _ = try await test.store.signUp(account)
      var large = account.auditEvent
      large.detail = String(repeating: "x", count: 4_000)
      for _ in 0..<300 { try await test.store.recordAudit(large) }
      let sizes = Statement(
        .read,
        """
        SELECT h.bytes, sum(octet_length(audit_event_bytes(
          e.user_id, e.number, occurred_at, method, outcome, reason, device_id, peer_address, detail)) + 96)::bigint,
          min(e.number) FROM audit_heads h JOIN audit_events e USING (user_id) WHERE user_id = $1 GROUP BY 1
        """)
      func size() async throws -> [Int64] {
        try await test.database.run(sizes, .identifier(account.userID)).one { row throws(DatabaseError) in
          [try row.int64(0), try row.int64(1), try row.int64(2)]
        }
      }
      let whole = try await size()
      #expect(whole[0] == whole[1] && whole[0] > 1_048_576 && whole[2] == 1)
      // At the limit; one byte past it.
      #expect(try await test.store.forgetAuditEvents(bytesMax: whole[0]) == 0)
      #expect(try await test.store.forgetAuditEvents(bytesMax: whole[0] - 1) == 1)
      #expect(try await size()[2] == 2)
      // No less than 1 MiB, whatever is asked for.
      _ = try await test.store.forgetAuditEvents(bytesMax: 0)
      let left = try await size()
      #expect(left[0] == left[1] && (1_040_000...1_048_576).contains(left[0]))
      #expect(test.store.quotaCounts.auditEventsForgotten == Int(left[2]) - 1)
      #expect(try await test.store.verifyAudit().faults.isEmpty)
      try await test.store.recordAudit(account.auditEvent)
      #expect(try await test.store.verifyAudit().faults.isEmpty)
      #expect(try await test.store.verifyAudit(of: other).eventCount == 6)
      // A chain that is broken keeps its events, and the break is still found.
      let gap = Statement(.write, "DELETE FROM audit_events WHERE user_id = $1 AND number = $2")
      _ = try await test.database.run(gap, .identifier(account.userID), .int64(left[2]))
      for _ in 0..<9 { try await test.store.recordAudit(large) }
      #expect(try await test.store.forgetAuditEvents(bytesMax: 0) == 0)
      #expect(try await test.store.verifyAudit().faults.map(\.description) == ["event \(left[2]) is missing"])
    }
  }

  @Test("a trail is removed only after its account")
  func erased() async throws {
    try await TestStore.run { test async throws in
      let userID = try await Self.person(test, "mira@example.org")
      let erase = Statement(.write, "SELECT erase_audit_trail($1)")
      await #expect(throws: DatabaseError.self) { _ = try await test.database.run(erase, .identifier(userID)) }
      _ = try await test.database.run(Statement(.write, "DELETE FROM users WHERE user_id = $1"), .identifier(userID))
      _ = try await test.database.run(erase, .identifier(userID))
      #expect(try await test.count("audit_events") == 0)
      #expect(try await test.count("audit_heads") == 0)
      await #expect(throws: DatabaseError.self) { _ = try await test.database.run(erase, .identifier(Identifier.zero)) }
    }
  }

  @Test("an event without an account is kept for 30 days, and goes after them; a person's stays")
  func unauthenticatedEventsGo() async throws {
    try await TestStore.run { test async throws in
      _ = try await Self.person(test, "mira@example.org")
      let now = Instant.now()
      let kept = StreakStore.unauthenticatedEventsKeptDays * 86_400
      #expect(kept == 30 * 86_400)
      for seconds in [kept, kept + 1] {
        var nobody = NewAccount.sample().auditEvent
        nobody.userID = nil
        nobody.occurredAt = now.advanced(bySeconds: -seconds)
        nobody.detail = "\(seconds) s ago"
        try await test.store.recordAudit(nobody)
      }
      #expect(try await test.count("audit_events") == 8)
      // At the limit to the microsecond: the one that is older goes.
      #expect(try await test.store.forgetOld(at: now) == 1)
      let left = Statement(
        .read, "SELECT detail FROM audit_events WHERE user_id = '00000000-0000-0000-0000-000000000000'")
      let details = try await test.database.run(left).map { row throws(DatabaseError) in try row.string(0) }
      #expect(details == ["\(kept) s ago"])
      #expect(try await test.count("audit_events") == 7)
      #expect(try await test.store.verifyAudit().faults.isEmpty)
    }
  }
}
