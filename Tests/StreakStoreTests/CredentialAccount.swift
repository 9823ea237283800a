import Postgres
import StreakDomain
@testable import StreakStore
import Testing

/// One account in the store, with two processes that change it: makes the model's calls, and reads
/// the state in the model's words.
struct CredentialAccount: Sendable {
  typealias Model = CredentialModel

  static let now = Instant.sample
  static let later = now.advanced(bySeconds: 60)

  let number: Int
  let userID: Identifier
  let deviceIDs: [Identifier]
  let requestID: Identifier
  let stores: [StreakStore]

  private static func hash(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }
  static func codeHash(_ code: Int) -> [UInt8] { [UInt8](repeating: UInt8(code), count: 32) }
  private func device(_ index: Int) -> DeviceRecord { .sample(deviceIDs[index]) }
  private func email(_ address: Int) -> String { "\(number)-\(address)@example.org" }

  /// Makes the account as `CredentialCalls.plain` has it.
  static func make(_ test: TestStore, _ other: StreakStore, number: Int) async throws -> CredentialAccount {
    let deviceIDs = (0..<CredentialCalls.deviceCount).map { _ in Identifier.random() }
    var new = NewAccount.sample("\(number)-0@example.org", credential: .sample(1, family: 1))
    new.sealedPassword = Array("p0".utf8)
    new.device = .sample(deviceIDs[0])
    new.recoveryCodeHashes = [0, 1, 2].map { codeHash($0) }
    _ = try await test.store.signUp(new)
    try await test.store.signIn(.sample(deviceIDs[1]), of: new.userID, .sample(2, family: 2), at: now)
    let account = CredentialAccount(
      number: number, userID: new.userID, deviceIDs: deviceIDs, requestID: .random(), stores: [test.store, other])
    _ = try await test.database.run(
      Statement(.write, "UPDATE users SET email_verified_at = now() WHERE user_id = '\(new.userID)'"))
    try await test.store.requestSignIn(
      SignInApprovalRecord(
        requestID: account.requestID, userID: new.userID, secretHash: hash(9), digits: "123456",
        device: account.device(2), peerAddress: "", requestedAt: now, expiresAt: later))
    for link in CredentialCalls.plain.links {
      try await test.store.storeProof(account.token(link), .sample, about: new.userID, to: account.email(link.address))
    }
    return account
  }

  private func token(_ link: Model.Link) -> NewMailToken {
    let purpose: MailTokenPurpose =
      switch link.purpose {
      case .reset: .resetPassword
      case .verify: .verifyAddress
      case .takeBack: .takeBackAddress
      }
    return NewMailToken(
      purpose: purpose, hash: Self.hash(link.number), email: email(link.address), emailKey: email(link.address),
      codeHash: nil, lifetimeSeconds: 3_600)
  }

  // MARK: Calls

  /// What the first step of a call has read.
  struct Seen: Sendable {
    var user: UserRecord?
    var grant: RefreshGrant?
    /// The refusal that the call ends with.
    var refusal: Model.Answer?
  }

  func perform(_ call: Model.Call, by store: StreakStore) async throws(StoreError) -> Model.Answer {
    let seen = try await begin(call, by: store)
    if let refusal = seen.refusal { return refusal }
    return try await finish(call, seen: seen, by: store)
  }

  /// Reads and verifies what the services do before they change something.
  func begin(_ call: Model.Call, by store: StreakStore) async throws(StoreError) -> Seen {
    func user() async throws(StoreError) -> Seen { Seen(user: try await store.user(userID)) }
    switch call {
    case .signIn(_, let password, _):
      var seen = try await user()
      seen.refusal = Self.refusal(seen.user, password)
      return seen
    case .recover(let code, _, _, _):
      var seen = try await user()
      let found = try await store.recoveryCode(of: userID, hash: Self.codeHash(code))
      seen.refusal =
        seen.user == nil
        ? .missing : found?.isUsed != false ? .refused : seen.user?.lockedAt != nil ? .missing : nil
      return seen
    case .changePassword(let device, let password, _, _), .makeCodes(let device, let password),
      .announceDeletion(let device, let password), .eraseByPerson(let device, let password),
      .requestChange(let device, let password, _, _):
      var seen = try await user()
      let isSignedIn = try await store.devices(of: userID).contains {
        $0.device.deviceID == deviceIDs[device] && $0.isSignedIn
      }
      seen.refusal =
        seen.user == nil ? .missing : isSignedIn && seen.user?.sealedPassword == Array(password.utf8) ? nil : .refused
      return seen
    case .refresh(let root, _, _): return Seen(grant: try await refreshGrant(root, by: store))
    case .requestReset(let address, _):
      let found = try await store.userID(emailKey: email(address))
      return Seen(user: try await store.user(found ?? .zero))
    case .reset(let link, _):
      let isLiving = try await store.isLiving(Self.hash(link), .resetPassword, of: userID)
      return Seen(refusal: isLiving ? nil : .refused)
    case .takeBack(let link, _):
      let isLiving = try await store.isLiving(Self.hash(link), .takeBackAddress, of: userID)
      return Seen(refusal: isLiving ? nil : .refused)
    default: return Seen()
    }
  }

  private static func refusal(_ user: UserRecord?, _ password: String) -> Model.Answer? {
    guard let user else { return .missing }
    guard user.sealedPassword == Array(password.utf8) else { return .refused }
    return user.lockedAt == nil ? nil : .missing
  }

  /// Changes what the services do, in one transaction.
  func finish(_ call: Model.Call, seen: Seen, by store: StreakStore) async throws(StoreError) -> Model.Answer {
    do throws(StoreError) {
      return try await change(call, seen, store)
    } catch {
      switch error {
      case .noSuchUser:
        guard case .signIn = call else { return .missing }
        // The services verify the password again.
        return try await perform(call, by: store)
      case .concurrentChange: return try await store.user(userID) == nil ? .missing : .conflict
      default: throw error
      }
    }
  }

  private func change(_ call: Model.Call, _ seen: Seen, _ store: StreakStore) async throws(StoreError) -> Model.Answer {
    func answer(_ isDone: Bool) -> Model.Answer { isDone ? .done : .refused }
    let (now, later) = (Self.now, Self.later)
    let event = AuditEventRecord.sample(userID)
    let presentPassword = seen.user?.sealedPassword ?? []
    func person(_ device: Int) -> ProvenPerson {
      ProvenPerson(userID: userID, deviceID: deviceIDs[device], sealedPassword: presentPassword)
    }
    switch call {
    case .signIn(let index, _, let pair):
      try await store.signIn(
        device(index), of: userID, .sample(pair, family: pair), at: now, ifPassword: presentPassword)
      return .done
    case .recover(let code, let index, let pair, let newPassword):
      return answer(
        try await store.recover(
          CodeRecovery(
            userID: userID, codeHash: Self.codeHash(code), sealedPassword: Array(newPassword.utf8), sealedReply: [1],
            device: device(index), credential: .sample(pair, family: pair), addressHash: [1], auditEvent: event),
          at: now))
    case .changePassword(let index, _, let newPassword, let pair):
      let count = try await store.changePassword(
        of: userID, from: presentPassword, to: Array(newPassword.utf8), on: deviceIDs[index],
        .sample(pair, family: pair), at: now)
      return count == nil ? .conflict : .done
    case .refresh(let root, let presented, let pair):
      return answer(try await refresh(root, presented, pair, seen.grant, by: store))
    case .use(let pair):
      return answer(
        try await store.accessGrant(of: userID, accessHash: CredentialRecord.sample(pair).accessHash, at: now) != nil)
    case .signOut(let index):
      _ = try await store.signOut(deviceIDs[index], of: userID)
      return .done
    case .signOutAll:
      _ = try await store.signOut(nil, of: userID)
      return .done
    case .revoke(let index): return answer(try await store.revokeDevice(deviceIDs[index], of: userID, at: now) != nil)
    case .spendCode(let code):
      return answer(try await store.spendRecoveryCode(of: userID, hash: Self.codeHash(code), at: now))
    case .makeCodes(let index, _):
      try await store.replaceRecoveryCodes(of: person(index), by: Model.newCodes.map { Self.codeHash($0) }, at: now)
      return .done
    case .approve(let index):
      return answer(
        try await store.decideSignIn(
          requestID, of: userID, by: deviceIDs[index], isApproved: true, digits: nil, at: now, expiresAt: later))
    case .deny(let index):
      return answer(
        try await store.decideSignIn(
          requestID, of: userID, by: deviceIDs[index], isApproved: false, digits: nil, at: now, expiresAt: later))
    case .completeSignIn(let index, let pair):
      return answer(
        try await store.completeSignIn(
          ApprovedSignIn(
            requestID: requestID, userID: userID, sealedReply: [1], device: device(index),
            credential: .sample(pair, family: pair), addressHash: [1], auditEvent: event), at: now))
    case .announceDeletion(let index, _):
      return try await store.announceDeletion(by: person(index), at: now) == nil ? .missing : .done
    case .cancelDeletion: return answer(try await store.cancelDeletion(of: userID) == true)
    case .eraseIfDue: return answer(try await store.erase(userID, at: now, .sample(nil), dueAt: later) != nil)
    case .eraseByPerson(let index, _):
      return try await store.erase(userID, at: now, .sample(nil), by: person(index)) == nil ? .missing : .done
    case .eraseByOperator: return answer(try await store.erase(userID, at: now, .sample(nil)) != nil)
    case .lock: return answer(try await store.lockAccount(userID, at: now, event) != nil)
    case .unlock: return answer(try await store.unlockAccount(userID, event) == true)
    case .requestReset(let address, let number):
      let link = seen.user.map { _ in Model.Link(purpose: .reset, number: number, address: address) }
      var token = self.token(link ?? .init(purpose: .reset, number: 0, address: address))
      if link == nil { token.hash = Identifier.random().bytes + Identifier.random().bytes }
      try await store.storeProof(token, .sample, about: seen.user?.userID ?? .zero, to: "")
      return .done
    case .reset(let link, let newPassword):
      return answer(
        try await store.resetPassword(
          of: userID, by: Self.hash(link), to: Array(newPassword.utf8), notice: .sample) != nil)
    case .requestChange(let index, _, let address, let number):
      try await store.storeProof(
        token(.init(purpose: .verify, number: number, address: address)), .sample, about: userID, to: email(address),
        by: person(index))
      return .done
    case .verifyAddress(let link, let takeBack):
      // The store fills the former address in.
      let back = token(.init(purpose: .takeBack, number: takeBack, address: 0))
      let outcome = try await store.acceptAddress(
        .link(hash: Self.hash(link)), of: userID, takeBack: (back, .sample), yielded: .sample(nil))
      return answer(outcome == .verified || outcome == .changed)
    case .takeBack(let link, let newPassword):
      return answer(
        try await store.takeBackAddress(
          of: userID, by: Self.hash(link), to: Array(newPassword.utf8), notice: .sample) != nil)
    }
  }

  private func refreshGrant(_ root: UInt8, by store: StreakStore) async throws(StoreError) -> RefreshGrant? {
    try await store.refreshGrant(of: userID, familyHash: CredentialRecord.sample(root, family: root).refreshFamilyHash)
  }

  private func refresh(
    _ root: UInt8, _ presented: UInt8, _ pair: UInt8, _ seen: RefreshGrant?, by store: StreakStore
  ) async throws(StoreError) -> Bool {
    let hash = CredentialRecord.sample(presented, family: root).refreshHash
    let issued = TokenFamily.Pair(.sample(pair, family: root))
    var grant = seen
    while true {
      guard case .living(let deviceID, let before) = grant else { return false }
      var family = before
      switch family.refresh(hash, issuing: issued, at: Self.now) {
      case .issued:
        if try await store.storeFamily(family, replacing: before, of: deviceID, userID, refreshedAt: Self.now) {
          return true
        }
      case .expired: return false
      case .copied:
        let familyHash = CredentialRecord.sample(root, family: root).refreshFamilyHash
        try await store.endCopiedFamily(familyHash, of: deviceID, userID)
        return false
      }
      grant = try await refreshGrant(root, by: store)
    }
  }

  // MARK: The state

  private static let tables = [
    "users", "devices", "recovery_codes", "sign_in_approvals", "mail_tokens", "mail_outbox", "emails", "heads",
  ]

  /// The state in the database, in the model's words.
  func observe(_ test: TestStore) async throws -> Model {
    guard let user = try await test.store.user(userID) else {
      for table in Self.tables {
        let rows = try await test.database.row(
          Statement(.read, "SELECT count(*) FROM \(table) WHERE user_id = '\(userID)'")
        ) { row throws(DatabaseError) in try row.int64(0) }
        #expect(rows == 0, "an erased account has left rows of \(table)")
      }
      return Model.erased
    }
    var model = Model(devices: [:], codes: [:])
    model.password = String(decoding: user.sealedPassword, as: UTF8.self)
    model.isLocked = user.lockedAt != nil
    model.isDeletionAnnounced = user.deletionAt != nil
    for address in 0...1 where email(address) == user.email { model.address = address }
    #expect(user.emailVerifiedAt != nil)
    try await readCodes(into: &model, test)
    #expect(Int(user.recoveryCodesLeft) == model.codes.count)
    try await readDevices(into: &model, test)
    try await readMail(into: &model, test)
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

  private func readCodes(into model: inout Model, _ test: TestStore) async throws {
    let codes = try await test.database.rows(
      Statement(
        .read, "SELECT code_hash, made_on FROM recovery_codes WHERE user_id = '\(userID)' AND used_at IS NULL")
    ) { row throws(DatabaseError) in (code: try row.bytes(0).first, madeOn: try row.identifier(1)) }
    for entry in codes { if let code = entry.code { model.codes[Int(code)] = deviceIDs.firstIndex(of: entry.madeOn) } }
  }

  private func readDevices(into model: inout Model, _ test: TestStore) async throws {
    for (index, deviceID) in deviceIDs.enumerated() {
      model.devices[index] = try await test.database.row(
        Statement(
          .read,
          """
          SELECT access_hash, refresh_family_hash, unused_pairs, revoked_at IS NULL, previous_access_hash FROM devices
          WHERE user_id = '\(userID)' AND device_id = '\(deviceID)'
          """)
      ) { row throws(DatabaseError) in
        var family: Model.Family?
        let unused = (TokenFamily.pairs(encoded: try row.bytes(2)) ?? []).compactMap(\.accessHash.first)
        let previous = try row.bytesOrNull(4)?.first
        if let current = try row.bytesOrNull(0)?.first, let root = try row.bytesOrNull(1)?.first {
          family = Model.Family(root: root, current: current, previous: previous, unused: unused)
        } else {
          #expect(previous == nil && unused.isEmpty, "a device that is signed out has left a token")
        }
        return Model.Device(family: family, isKnown: try row.bool(3))
      }
    }
  }

  private func readMail(into model: inout Model, _ test: TestStore) async throws {
    let tokens = try await test.database.rows(
      Statement(.read, "SELECT purpose, token_hash, email_key FROM mail_tokens WHERE user_id = '\(userID)'")
    ) { row throws(DatabaseError) in
      (purpose: try row.int32(0), number: try row.bytes(1).first ?? 0, emailKey: try row.string(2))
    }
    for token in tokens {
      let purpose: Model.Link.Purpose =
        token.purpose == MailTokenPurpose.resetPassword.rawValue
        ? .reset : token.purpose == MailTokenPurpose.takeBackAddress.rawValue ? .takeBack : .verify
      model.links.insert(
        Model.Link(purpose: purpose, number: token.number, address: token.emailKey == email(0) ? 0 : 1))
    }
    let reserved = try await test.database.rows(
      Statement(.read, "SELECT email_key FROM emails WHERE user_id = '\(userID)' AND reserved_until IS NOT NULL")
    ) { row throws(DatabaseError) in try row.string(0) }
    model.reserved = Set(reserved.map { $0 == email(0) ? 0 : 1 })
    let own = try await test.store.userID(emailKey: email(model.address))
    #expect(own == userID, "an account is not found by its address")
  }
}

extension NewMail {
  static var sample: NewMail { NewMail(mailID: .random(), kind: .verifyAddress, sealed: [1], lifetimeSeconds: 60) }
}

extension AuditEventRecord {
  fileprivate static func sample(_ userID: Identifier?) -> AuditEventRecord {
    AuditEventRecord(
      userID: userID, occurredAt: .sample, method: "Test/Test", outcome: "OK", reason: "", deviceID: nil,
      peerAddress: "", detail: "")
  }
}
