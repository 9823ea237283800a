import EventLoop
import Postgres
import StreakDomain
@testable import StreakStore
import Testing
import TestSupport

/// Operations of several server processes on the credentials of one account: every interleaving
/// ends in the state, and gives the answers, of one of their orders in the pure model.
@Suite(.serialized) struct CredentialInterleavingTests {
  private typealias Model = CredentialModel
  private static let deviceCount = 3
  private static let now = Instant.sample
  private static let later = now.advanced(bySeconds: 60)

  /// One account in the store, with two processes that change it.
  private struct Account: Sendable {
    let userID: Identifier
    let deviceIDs: [Identifier]
    let requestID: Identifier
    let stores: [StreakStore]

    func device(_ index: Int) -> DeviceRecord { .sample(deviceIDs[index]) }

    private static func hash(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }
    static func codeHash(_ code: Int) -> [UInt8] { [UInt8](repeating: UInt8(code), count: 32) }

    /// Makes the account with two devices signed in, three codes and an open request.
    static func make(_ test: TestStore, _ other: StreakStore, number: Int) async throws -> (Account, Model) {
      let deviceIDs = (0..<deviceCount).map { _ in Identifier.random() }
      var new = NewAccount.sample("\(number)@example.org", credential: .sample(1, family: 1))
      new.passwordHash = "p0"
      new.device = .sample(deviceIDs[0])
      new.recoveryCodeHashes = [0, 1, 2].map { codeHash($0) }
      _ = try await test.store.signUp(new)
      try await test.store.signIn(.sample(deviceIDs[1]), of: new.userID, .sample(2, family: 2), at: now)
      let account = Account(
        userID: new.userID, deviceIDs: deviceIDs, requestID: .random(), stores: [test.store, other])
      try await test.store.requestSignIn(
        SignInApprovalRecord(
          requestID: account.requestID, userID: new.userID, secretHash: hash(9), digits: "123456",
          device: account.device(2), peerAddress: "", requestedAt: now, expiresAt: later))
      let devices = [
        0: Model.Device(family: .init(root: 1, current: 1)), 1: Model.Device(family: .init(root: 2, current: 2)),
      ]
      return (account, Model(devices: devices, codes: [0, 1, 2]))
    }

    /// Makes a change as the services do.
    func perform(_ operation: Model.Operation, by store: StreakStore) async throws(StoreError) -> Model.Answer {
      func answer(_ isDone: Bool) -> Model.Answer { isDone ? .done : .refused }
      let event = AuditEventRecord.sample(userID)
      do throws(StoreError) {
        switch operation {
        case .signIn(let index, let pair):
          try await store.signIn(device(index), of: userID, .sample(pair, family: pair), at: now)
          return .done
        case .recover(let code, let index, let pair, let password):
          // The procedure refuses a code that it does not find.
          let isThere = try await store.user(userID) != nil
          let found = try await store.recoveryCode(of: userID, hash: Self.codeHash(code))
          guard isThere else { return .missing }
          guard found?.isUsed == false else { return .refused }
          return answer(
            try await store.recover(
              CodeRecovery(
                userID: userID, codeHash: Self.codeHash(code), passwordHash: password, sealedReply: [1],
                device: device(index), credential: .sample(pair, family: pair), addressHash: [1], auditEvent: event),
              at: now))
        case .changePassword(let index, let from, let to, let pair):
          return answer(
            try await store.changePassword(
              of: userID, from: from, to: to, on: deviceIDs[index], .sample(pair, family: pair), at: now) != nil)
        case .refresh(let root, let presented, let pair):
          return answer(try await refresh(root, presented, pair, by: store))
        case .signOut(let index):
          _ = try await store.signOut(deviceIDs[index], of: userID)
          return try await store.user(userID) == nil ? .refused : .done
        case .signOutAll:
          _ = try await store.signOut(nil, of: userID)
          return try await store.user(userID) == nil ? .refused : .done
        case .revoke(let index):
          return answer(try await store.revokeDevice(deviceIDs[index], of: userID, at: now) != nil)
        case .spendCode(let code):
          return answer(try await store.spendRecoveryCode(of: userID, hash: Self.codeHash(code), at: now))
        case .replaceCodes:
          try await store.replaceRecoveryCodes(of: userID, by: [100, 101].map { Self.codeHash($0) }, at: now)
          return .done
        case .approve, .deny:
          return answer(
            try await store.decideSignIn(
              requestID, of: userID, isApproved: operation == .approve, digits: nil, at: now, expiresAt: later))
        case .completeSignIn(let index, let pair):
          guard try await store.user(userID) != nil else { return .missing }
          return answer(
            try await store.completeSignIn(
              ApprovedSignIn(
                requestID: requestID, userID: userID, sealedReply: [1], device: device(index),
                credential: .sample(pair, family: pair), addressHash: [1], auditEvent: event), at: now))
        case .announceDeletion: return answer(try await store.announceDeletion(of: userID, at: now) != nil)
        case .cancelDeletion: return answer(try await store.cancelDeletion(of: userID) == true)
        case .eraseIfDue: return answer(try await store.erase(userID, at: now, .sample(nil), dueAt: later) != nil)
        case .erase: return answer(try await store.erase(userID, at: now, .sample(nil)) != nil)
        case .lock: return answer(try await store.lockAccount(userID, at: now) != nil)
        case .unlock: return answer(try await store.unlockAccount(userID))
        }
      } catch {
        guard error == .noSuchUser else { throw error }
        return .missing
      }
    }

    private func refresh(
      _ root: UInt8, _ presented: UInt8, _ pair: UInt8, by store: StreakStore
    ) async throws(StoreError) -> Bool {
      let familyHash = CredentialRecord.sample(root, family: root).refreshFamilyHash
      let hash = CredentialRecord.sample(presented, family: root).refreshHash
      let issued = TokenFamily.Pair(.sample(pair, family: root))
      while true {
        guard case .living(let deviceID, let before) = try await store.refreshGrant(of: userID, familyHash: familyHash)
        else { return false }
        var family = before
        switch family.refresh(hash, issuing: issued, at: now) {
        case .issued:
          if try await store.storeFamily(family, replacing: before, of: deviceID, userID, refreshedAt: now) {
            return true
          }
        case .expired: return false
        case .copied:
          try await store.endCopiedFamily(familyHash, of: deviceID, userID)
          return false
        }
      }
    }

    /// The state in the database, in the model's words.
    func observe(_ test: TestStore) async throws -> Model {
      guard let user = try await test.store.user(userID) else {
        var model = Model(devices: [:], codes: [])
        model.exists = false
        model.password = ""
        let rows = try await test.store.database.row(
          Statement(
            .read,
            """
            SELECT (SELECT count(*) FROM devices WHERE user_id = '\(userID)')
              + (SELECT count(*) FROM recovery_codes WHERE user_id = '\(userID)')
              + (SELECT count(*) FROM sign_in_approvals WHERE user_id = '\(userID)')
            """)
        ) { row throws(DatabaseError) in try row.int64(0) }
        #expect(rows == 0, "an erased account has left rows")
        return model
      }
      var model = Model(devices: [:], codes: [])
      model.password = user.passwordHash
      model.isLocked = user.lockedAt != nil
      model.isDeletionAnnounced = user.deletionAt != nil
      for code in [0, 1, 2, 100, 101] {
        if let found = try await test.store.recoveryCode(of: userID, hash: Self.codeHash(code)), !found.isUsed {
          model.codes.insert(code)
        }
      }
      #expect(Int(user.recoveryCodesLeft) == model.codes.count)
      for (index, deviceID) in deviceIDs.enumerated() {
        model.devices[index] = try await test.store.database.row(
          Statement(
            .read,
            """
            SELECT access_hash, refresh_family_hash, unused_pairs FROM devices
            WHERE user_id = '\(userID)' AND device_id = '\(deviceID)'
            """)
        ) { row throws(DatabaseError) in
          var family: Model.Family?
          if let current = try row.bytesOrNull(0)?.first, let root = try row.bytesOrNull(1)?.first {
            family = Model.Family(
              root: root, current: current,
              unused: (TokenFamily.pairs(encoded: try row.bytes(2)) ?? []).compactMap(\.accessHash.first))
          }
          return Model.Device(family: family)
        }
      }
      let request = try await test.store.signInApproval(requestID)
      model.request =
        switch (request?.isApproved, request?.sealedReply) {
        case (true, nil): .approved
        case (true, _): .completed
        case (false, _): .denied
        default: .open
        }
      return model
    }
  }

  /// An operation, with values of its own.
  private static func operation(_ number: Int, place: Int) -> Model.Operation {
    let (pair, device) = (UInt8(10 + place), place % deviceCount)
    return switch number {
    case 0: .signIn(device: device, pair: pair)
    case 1: .recover(code: 0, device: device, pair: pair, password: "p\(place + 1)")
    case 2: .changePassword(device: 0, from: "p0", to: "p\(place + 1)", pair: pair)
    case 3: .refresh(root: 1, presented: 1, pair: pair)
    case 4: .signOut(device: 0)
    case 5: .signOutAll
    case 6: .revoke(device: 1)
    case 7: .spendCode(0)
    case 8: .replaceCodes
    case 9: .approve
    case 10: .deny
    case 11: .completeSignIn(device: 2, pair: pair)
    case 12: .announceDeletion
    case 13: .cancelDeletion
    case 14: .eraseIfDue
    case 15: .erase
    case 16: .lock
    default: .unlock
    }
  }

  private static let kindCount = 18

  @Test("in sequence the store does what the model does", arguments: UInt64(0)..<6)
  func sequences(seed: UInt64) async throws {
    try await TestStore.run { test in
      var random = SplitMix64(seed: seed)
      let other = try await test.anotherStore()
      for number in 0..<8 {
        let (account, start) = try await Account.make(test, other, number: number)
        var model = start
        for place in 0..<12 {
          // Erasing often would end most sequences early.
          let kind = Int.random(in: 0..<(place < 8 ? 14 : Self.kindCount), using: &random)
          let operation = Self.operation(kind, place: place)
          let expected = model.apply(operation)
          let found = try await account.perform(operation, by: account.stores[place % 2])
          #expect(found == expected, "\(operation)")
        }
        #expect(try await account.observe(test) == model)
      }
      await other.close()
    }
  }

  @Test("at the same moment every interleaving equals one order of the model", arguments: UInt64(0)..<8)
  func interleavings(seed: UInt64) async throws {
    try await TestStore.run(loopCount: 2) { test in
      var random = SplitMix64(seed: seed)
      let other = try await test.anotherStore()
      for number in 0..<20 {
        let (account, before) = try await Account.make(test, other, number: number)
        var model = before
        // Half of them begin with an approved request, a quarter with an announced deletion.
        if Bool.random(using: &random) {
          _ = model.apply(.approve)
          _ = try await account.perform(.approve, by: test.store)
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
          _ = model.apply(.announceDeletion)
          _ = try await account.perform(.announceDeletion, by: test.store)
        }
        let operations = (0..<3).map { place in
          Self.operation(Int.random(in: 0..<Self.kindCount, using: &random), place: place)
        }
        let answers = try await withThrowingTaskGroup(of: (Int, Model.Answer?).self) { group in
          for (place, operation) in operations.enumerated() {
            group.addTask(executorPreference: test.loops[place % 2]) {
              do throws(StoreError) {
                return (place, try await account.perform(operation, by: account.stores[place % 2]))
              } catch {
                // The caller sends it again: here it has changed nothing.
                guard error == .concurrentChange else { throw error }
                return (place, nil)
              }
            }
          }
          return try await group.reduce(into: [Int: Model.Answer?]()) { $0[$1.0] = $1.1 }
        }
        let after = try await account.observe(test)
        let start = model
        let isOrdered = Array(operations.indices).permutations.contains { order in
          var state = start
          for place in order {
            guard let answer = answers[place] ?? nil else { continue }
            if state.apply(operations[place]) != answer { return false }
          }
          return state == after
        }
        #expect(isOrdered, "\(operations) from \(start): \(answers), \(after)")
      }
      await other.close()
    }
  }
}

extension AuditEventRecord {
  fileprivate static func sample(_ userID: Identifier?) -> AuditEventRecord {
    AuditEventRecord(
      userID: userID, occurredAt: .sample, method: "Test/Test", outcome: "OK", reason: "", deviceID: nil,
      peerAddress: "", detail: "")
  }
}
