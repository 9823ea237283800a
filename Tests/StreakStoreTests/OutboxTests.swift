import Postgres
import StreakDomain
import StreakStore
import Testing

@Suite(.serialized) struct OutboxTests {
  private static func mail(_ kind: MailKind = .verifyAddress, lifetimeSeconds: Int32 = 3_600) -> NewMail {
    NewMail(mailID: .random(), kind: kind, sealed: [1, 2, 3], lifetimeSeconds: lifetimeSeconds)
  }

  private static func token(
    _ purpose: MailTokenPurpose = .verifyAddress, of email: String = "mira@example.org", hash: UInt8 = 7,
    lifetimeSeconds: Int32 = 3_600
  ) -> NewMailToken {
    NewMailToken(
      purpose: purpose, hash: [UInt8](repeating: hash, count: 32), email: email, emailKey: email,
      codeHash: [UInt8](repeating: hash, count: 32), lifetimeSeconds: lifetimeSeconds)
  }

  private static func order(
    _ test: TestStore, _ mail: NewMail = Self.mail(), to recipient: String = "mira@example.org"
  ) async throws {
    try await test.store.storeProof(
      token(hash: .random(in: 0...255)), mail, about: .zero, to: recipient)
  }

  private static let event = AuditEventRecord(
    userID: nil, occurredAt: .sample, method: "AccountService/VerifyAddress", outcome: "OK", reason: "", deviceID: nil,
    peerAddress: "", detail: StreakStore.yieldedDetail)

  @Test("two workers share the mails, and neither takes one of the other's")
  func sharing() async throws {
    try await TestStore.run { test async throws in
      for _ in 0..<20 {
        try await test.store.storeProof(
          Self.token(.signUp, hash: .random(in: 0...255)), Self.mail(), about: .zero, to: "mira@example.org")
        _ = try await test.database.run(Statement(.write, "DELETE FROM mail_tokens"))
      }
      let other = try await test.anotherStore()
      async let first = test.store.takeMails(countMax: 15, leaseSeconds: 60)
      async let second = other.takeMails(countMax: 15, leaseSeconds: 60)
      let taken = try await [first, second]
      #expect(Set(taken.joined().map(\.mailID)).count == taken.joined().count)
      let rest = try await test.store.takeMails(countMax: 20, leaseSeconds: 60)
      #expect(taken.joined().count + rest.count == 20)
      #expect(try await test.store.takeMails(countMax: 20, leaseSeconds: 60).isEmpty)
      await other.close()
    }
  }

  @Test("a mail without an outcome is due again after its lease, one that is done never")
  func lease() async throws {
    try await TestStore.run { test async throws in
      try await Self.order(test)
      let first = try #require(try await test.store.takeMails(countMax: 1, leaseSeconds: 0).first)
      let again = try #require(try await test.store.takeMails(countMax: 1, leaseSeconds: 0).first)
      #expect(again.mailID == first.mailID && (first.attempts, again.attempts) == (1, 2))
      try await test.store.postponeMail(again, seconds: 60)
      #expect(try await test.store.takeMails(countMax: 1, leaseSeconds: 0).isEmpty)
      #expect(try await test.store.waitingMailCount() == 1)
      try await test.store.finishMail(again, isSent: true)
      try await test.store.postponeMail(again, seconds: 0)
      #expect(try await test.store.takeMails(countMax: 1, leaseSeconds: 0).isEmpty)
      #expect(try await test.store.waitingMailCount() == 0)
    }
  }

  @Test("a mail past its time is marked, and one without a recipient is never due")
  func expiry() async throws {
    try await TestStore.run { test async throws in
      try await Self.order(test, Self.mail(lifetimeSeconds: -1))
      #expect(try await test.store.takeMails(countMax: 2, leaseSeconds: 0).map(\.isExpired) == [true])
      try await Self.order(test, to: "")
      #expect(try await test.store.takeMails(countMax: 2, leaseSeconds: 0).count == 1)
    }
  }

  @Test("an account gets 50 notices in a day, and none without a proved address")
  func notices() async throws {
    try await TestStore.run { test async throws in
      let account = NewAccount.sample("mira@example.org")
      _ = try await test.store.signUp(account)
      func signIn() async throws {
        try await test.store.signIn(
          .sample(account.device.deviceID), of: account.userID, .sample(), at: .sample, notice: Self.mail(.newDevice))
      }
      try await signIn()
      #expect(try await test.count("mail_outbox") == 0)
      _ = try await test.database.run(Statement(.write, "UPDATE users SET email_verified_at = now()"))
      for _ in 0..<StreakStore.noticesPerDayMax { try await signIn() }
      #expect(try await test.count("mail_outbox") == Int64(StreakStore.noticesPerDayMax))
      try await signIn()
      #expect(try await test.count("mail_outbox") == Int64(StreakStore.noticesPerDayMax))
      _ = try await test.database.run(
        Statement(.write, "UPDATE mail_outbox SET enqueued_at = enqueued_at - interval '1 day'"))
      try await signIn()
      #expect(try await test.count("mail_outbox") == Int64(StreakStore.noticesPerDayMax) + 1)
    }
  }

  @Test("mails that are done, ended proofs and ended reservations are removed, and nothing else")
  func housekeeping() async throws {
    try await TestStore.run { test async throws in
      _ = try await test.store.signUp(.sample("mira@example.org"))
      try await Self.order(test)
      try await Self.order(test, to: "")
      let before = try await test.count("mail_tokens")
      _ = try await test.store.forgetOld(at: .now())
      #expect(try await test.count("mail_outbox") == 2)
      #expect(try await test.count("mail_tokens") == before)
      #expect(try await test.count("emails") == 1)
      for change in [
        "UPDATE mail_outbox SET enqueued_at = now() - interval '8 days'",
        "UPDATE mail_tokens SET expires_at = now() - interval '1 minute'",
        "INSERT INTO emails VALUES ('old@example.org', (SELECT user_id FROM users), now() - interval '1 minute')",
      ] { _ = try await test.database.run(Statement(.write, change)) }
      _ = try await test.store.forgetOld(at: .now())
      // The one that still waits is kept.
      #expect(try await test.count("mail_outbox") == 1)
      #expect(try await test.count("mail_tokens") == 0)
      #expect(try await test.count("emails") == 1)
    }
  }

  @Test("of several accounts that prove one unproved address at the same time, one gets it")
  func race() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let address = "wanted@example.org"
      _ = try await test.store.signUp(.sample(address))
      let people = (0..<4).map { NewAccount.sample("p\($0)@example.org") }
      for person in people {
        _ = try await test.store.signUp(person)
        try await test.store.storeProof(Self.token(of: address), Self.mail(), about: person.userID, to: address)
      }
      let outcomes = try await withThrowingTaskGroup(of: AddressOutcome?.self) { group in
        for (number, person) in people.enumerated() {
          group.addTask(executorPreference: test.loops[number % 2]) {
            do {
              return try await test.store.acceptAddress(
                .code(hash: [UInt8](repeating: 7, count: 32)), of: person.userID,
                takeBack: (Self.token(.takeBackAddress, hash: 8), Self.mail(.addressChanged)), yielded: Self.event)
            } catch StoreError.concurrentChange {
              return nil
            }
          }
        }
        return try await group.reduce(into: [AddressOutcome?]()) { $0.append($1) }
      }
      #expect(outcomes.count { $0 == .changed } == 1)
      #expect(outcomes.allSatisfy { $0 == .changed || $0 == .taken || $0 == nil })
      let holders = try await test.database.run(
        Statement(
          .read, "SELECT count(*) FROM users WHERE email = 'wanted@example.org' AND email_verified_at IS NOT NULL")
      ).one { row throws(DatabaseError) in try row.int64(0) }
      #expect(holders == 1)
    }
  }
}
