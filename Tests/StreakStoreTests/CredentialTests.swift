import EventLoop
import Postgres
import struct StreakDomain.Identifier
import struct StreakDomain.Instant
import StreakStore
import Synchronization
import Testing

@Suite(.serialized) struct CredentialTests {
  @Test("signing out revokes the tokens of a device, or of every device, and no others")
  func signOut() async throws {
    try await TestStore.run { test async throws in
      let store = test.store
      let account = NewAccount.sample(credential: .sample(1, family: 201))
      _ = try await store.signUp(account)
      let second = DeviceRecord.sample()
      try await store.signIn(second, of: account.userID, .sample(2, family: 202), at: .sample)
      try await store.signIn(.sample(), of: account.userID, .sample(3, family: 203), at: .sample)
      let other = NewAccount.sample("other@example.org", credential: .sample(1))
      _ = try await store.signUp(other)

      #expect(try await store.signOut(second.deviceID, of: account.userID) == 1)
      #expect(
        try await store.accessGrant(of: account.userID, accessHash: [UInt8](repeating: 2, count: 32), at: .sample)
          == nil)
      #expect(
        try await store.refreshGrant(of: account.userID, familyHash: [UInt8](repeating: 202, count: 32))
          == .ended(deviceID: second.deviceID, isCopy: false))
      let first = try await store.accessGrant(
        of: account.userID, accessHash: [UInt8](repeating: 1, count: 32), at: .sample)
      #expect(first?.deviceID == account.device.deviceID)

      #expect(try await store.signOut(nil, of: account.userID) == 2)
      #expect(try await store.signOut(nil, of: account.userID) == 0)
      #expect(
        try await store.accessGrant(of: account.userID, accessHash: [UInt8](repeating: 1, count: 32), at: .sample)
          == nil)
      #expect(
        try await store.accessGrant(of: other.userID, accessHash: [UInt8](repeating: 1, count: 32), at: .sample) != nil)
    }
  }

  @Test("grants requested at once each belong to the right token", arguments: [1, 2, 300])
  func batchedGrants(count: Int) async throws {
    try await TestStore.run { test async throws in
      var accounts: [NewAccount] = []
      for index in 0..<5 {
        let account = NewAccount.sample("\(index)@example.org", credential: .sample(UInt8(index + 1)))
        _ = try await test.store.signUp(account)
        accounts.append(account)
      }
      let everybody = accounts
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
          group.addTask(executorPreference: test.loops[0]) {
            // Every third token is another user's.
            let asked = everybody[index % 5]
            let owner = everybody[index % 3 == 2 ? (index + 1) % 5 : index % 5]
            let grant = try await test.store.accessGrant(
              of: asked.userID, accessHash: owner.credential.accessHash, at: .sample)
            #expect(grant?.deviceID == (index % 3 == 2 ? nil : asked.device.deviceID))
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("a pair is in use from its first call on, and of two concurrent changes of one family one wins")
  func families() async throws {
    try await TestStore.run { test async throws in
      let store = test.store
      let account = NewAccount.sample(credential: .sample(1))
      _ = try await store.signUp(account)
      let (userID, deviceID) = (account.userID, account.device.deviceID)
      func family() async throws -> TokenFamily? {
        guard
          case .living(deviceID, let family) = try await store.refreshGrant(
            of: userID, familyHash: account.credential.refreshFamilyHash)
        else { return nil }
        return family
      }
      let before = try #require(try await family())
      #expect(before == TokenFamily(current: .init(account.credential)))
      var (first, second) = (before, before)
      #expect(first.refresh(before.current.refreshHash, issuing: .init(.sample(2)), at: .sample) == .issued)
      #expect(second.refresh(before.current.refreshHash, issuing: .init(.sample(3)), at: .sample) == .issued)
      #expect(try await store.storeFamily(first, replacing: before, of: deviceID, userID, refreshedAt: .sample))
      #expect(try await !store.storeFamily(second, replacing: before, of: deviceID, userID, refreshedAt: .sample))
      #expect(try await family() == first)
      // Concurrent calls with the new access token, and one with the old one.
      try await withThrowingTaskGroup(of: Void.self) { group in
        for byte: UInt8 in [2, 2, 1, 2, 2] {
          group.addTask(executorPreference: test.loops[0]) { () async throws in
            let hash = [UInt8](repeating: byte, count: 32)
            #expect(try await store.accessGrant(of: userID, accessHash: hash, at: .sample)?.deviceID == deviceID)
          }
        }
        try await group.waitForAll()
      }
      #expect(try await family()?.current == .init(.sample(2)))
      #expect(try await family()?.unused.isEmpty == true)
      // The hash of a refresh token is not that of an access token.
      #expect(
        try await store.accessGrant(of: userID, accessHash: [UInt8](repeating: 102, count: 32), at: .sample) == nil)
    }
  }

  @Test("the family that ended last is known, and whether its holder is a copy")
  func endedFamilies() async throws {
    try await TestStore.run { test async throws in
      let store = test.store
      let account = NewAccount.sample(credential: .sample(1, family: 201))
      _ = try await store.signUp(account)
      let (userID, device) = (account.userID, account.device)
      func grant(_ family: UInt8) async throws -> RefreshGrant? {
        try await store.refreshGrant(of: userID, familyHash: [UInt8](repeating: family, count: 32))
      }
      #expect(try await grant(99) == nil)
      _ = try await store.signOut(device.deviceID, of: userID)
      #expect(try await grant(201) == .ended(deviceID: device.deviceID, isCopy: false))
      try await store.signIn(device, of: userID, .sample(2, family: 202), at: .sample)
      #expect(try await grant(201) == .ended(deviceID: device.deviceID, isCopy: true))
      try await store.endCopiedFamily([UInt8](repeating: 201, count: 32), of: device.deviceID, userID)
      guard case .living = try await grant(202) else {
        Issue.record("another family's end is not this one's")
        return
      }
      try await store.endCopiedFamily([UInt8](repeating: 202, count: 32), of: device.deviceID, userID)
      #expect(try await grant(202) == .ended(deviceID: device.deviceID, isCopy: true))
      #expect(try await grant(201) == nil)
    }
  }

  @Test("one device more than the limit displaces the one that was inactive the longest")
  func deviceLimit() async throws {
    var limits = StoreLimits()
    limits.devicesPerPersonMax = 3
    try await TestStore.run(limits: limits) { test async throws in
      let account = NewAccount.sample(credential: .sample(1))
      _ = try await test.store.signUp(account)
      for index: UInt8 in 2...3 {
        try await test.store.signIn(
          .sample(), of: account.userID, .sample(index), at: Instant.sample.advanced(bySeconds: Int64(index)))
      }
      #expect(try await test.count("devices") == 3)
      try await test.store.signIn(
        .sample(), of: account.userID, .sample(4), at: Instant.sample.advanced(bySeconds: 4))
      #expect(try await test.count("devices") == 3)
      let oldest = try await test.store.accessGrant(
        of: account.userID, accessHash: [UInt8](repeating: 1, count: 32), at: .sample)
      #expect(oldest == nil)
    }
  }

  @Test("every loop is notified of a revocation")
  func revocationIsHeard() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let store = test.store
      let account = NewAccount.sample()
      _ = try await store.signUp(account)
      var events = try await test.listen()
      _ = try await store.signOut(nil, of: account.userID)
      while case .some(let event) = await events.next() {
        if case .revocation(account.userID) = event { break }
      }
      await events.close()
    }
  }

  @Test("a session is started once, found again, and extended")
  func sessions() async throws {
    try await TestStore.run { test async throws in
      let session = SessionRecord(
        sessionID: .random(), secretHash: [UInt8](repeating: 1, count: 32), anchor: .sample, sealedStart: [4])
      #expect(try await test.store.startSession(session, at: .sample))
      #expect(try await test.store.startSession(session, at: .sample) == false)
      #expect(try await test.store.session(session.sessionID) == session)
      #expect(try await test.store.session(.random()) == nil)
      try await test.store.keepSession(session.sessionID, at: Instant.sample.advanced(bySeconds: 90_000))
    }
  }

  @Test("a user's audit events are numbered from 1 without gaps; events without a user have no number")
  func audit() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let store = test.store
      let account = NewAccount.sample()
      _ = try await store.signUp(account)
      var event = account.auditEvent
      event.outcome = "UNAUTHENTICATED"
      let refused = event
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<20 {
          group.addTask(executorPreference: test.loops[index % 2]) { try await store.recordAudit(refused) }
        }
        try await group.waitForAll()
      }
      event.userID = nil
      try await store.recordAudit(event)
      try await store.recordAudit(event)
      let numbers = try await test.database.run(
        Statement(.read, "SELECT number FROM audit_events ORDER BY number")
      ).map { row throws(DatabaseError) in try row.int64(0) }
      #expect(numbers == [0, 0] + Array(1...21))
    }
  }
}
