internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
public import StreakDomain

/// The accounts on this device. Each account has its own data and its own queue. Operations of one
/// account are never sent for another. Data recorded without an account enters an account only by
/// `signUp` and `migrateSession`.
extension StreakClient {
  /// The accounts stored on this device.
  public func accounts() throws(ClientError) -> [AccountView] {
    try store.read { state throws(ClientError) in
      state.accounts.values.map { account in
        AccountView(
          userID: account.replica.userID, email: account.email, isCurrent: account.replica.userID == state.current,
          isSignedIn: account.standing == .signedIn && account.credentials != nil,
          isUnknownToServer: account.standing == .unknownToServer, waiting: account.replica.queue.count,
          deletionAt: account.deletionAt)
      }.sorted { $0.userID < $1.userID }
    }
  }

  /// Whether anything was recorded without an account.
  public func hasSession() throws(ClientError) -> Bool {
    try store.read { state throws(ClientError) in state.session.map { !$0.habits.isEmpty } ?? false }
  }

  /// Makes an account from the data recorded here without one, all of it or nothing; then signs in
  /// to the account.
  ///
  /// If the answer is lost, even by a kill, calling it again with the same email and password gives
  /// the same account.
  ///
  /// - Parameter addressCode: The code of `requestSignUpCode`, where the person has one.
  /// - Returns: The result for the session; nil if there was none.
  @discardableResult
  public func signUp(
    email: String, password: String, addressCode: String = ""
  ) async throws(ClientError) -> MigrationReport? {
    var pending = try preparedSignUp(email)
    for _ in 0..<3 {
      var request = SignUpRequest(
        idempotencyKey: pending.idempotencyKey, email: email, password: password,
        device: schemaDevice(pending.deviceID), language: device.language, addressCode: addressCode)
      if !pending.claim.isEmpty { request.session = try Self.claim(pending.claim) }
      do throws(ClientError) {
        let response = try await call(AccountServiceMethods.signUp, request, SignUpResponse.self)
        let report = try adopt(response, pending)
        // Entries recorded since an attempt that had no session to migrate.
        let isLeft = try hasSession()
        guard pending.claim.isEmpty, isLeft else { return report }
        return try await migrateSession()
      } catch {
        guard error.isFinal else { throw error }
        let again = try nextClaim(after: error, pending.claim)
        try store.change { state throws(ClientError) in
          guard state.pendingSignUp == pending else { return }
          state.pendingSignUp = nil
          if let again {
            pending.claim = again
            state.pendingSignUp = pending
          }
        }
        guard again != nil else { throw error }
      }
    }
    throw .failing("The server's answers about this session contradict each other.")
  }

  /// The request is stored before it is sent, so that a repeated sign-up sends the same request.
  private func preparedSignUp(_ email: String) throws(ClientError) -> PendingSignUp {
    let now = clock.now
    return try store.change { state throws(ClientError) in
      // The server has signed this device out of an account that it may have lost: the same address
      // may sign up again.
      let isSamePerson = state.current.flatMap { state.accounts[$0] }.map { account in
        account.credentials == nil && account.email.lowercased() == email.lowercased()
      }
      guard isSamePerson ?? true else {
        throw .notPossible("An account is signed in on this device: sign out first.")
      }
      if let pending = state.pendingSignUp, pending.email.lowercased() == email.lowercased() { return pending }
      let here = clock.localTime(at: now, dayStartMinutes: state.dayStartMinutes)
      let session = state.session.flatMap { $0.habits.isEmpty ? nil : $0 }
      let pending = PendingSignUp(
        email: email, idempotencyKey: randomBytes(count: 32), deviceID: .random(),
        claim: session?.makeClaim(migrationID: .random(), at: here).protobufBytes() ?? [])
      state.pendingSignUp = pending
      return pending
    }
  }

  private func adopt(_ response: SignUpResponse, _ pending: PendingSignUp) throws(ClientError) -> MigrationReport? {
    let now = clock.now
    guard let userID = (response.account?.userId).flatMap({ Identifier($0) }), let tokens = response.tokens else {
      throw .failing("The answer to the sign-up has no account.")
    }
    let claim = pending.claim.isEmpty ? nil : try Self.claim(pending.claim)
    try store.change { state throws(ClientError) in
      var account = ClientAccount(
        email: response.account?.email ?? pending.email, credentials: .init(tokens),
        replica: DeviceReplica(userID: userID, deviceID: pending.deviceID))
      account.caughtUpAt = now
      state.add(account)
      if let claim { state.moveSession(sentAs: claim, response.migration, into: userID, now: now) }
      state.pendingSignUp = nil
      let dayStart = state.dayStartMinutes
      state.current = userID
      // The account is new: it takes over this device's day start.
      state.setDayStart(minutes: dayStart, now: now)
      moveReplacedAccounts(of: pending.email, into: &state, userID: userID)
    }
    currentHasChanged()
    return response.migration.map { MigrationReport($0) }
  }

  /// Signs in to an account. If this device held it before, its queue continues. Data recorded
  /// without an account stays separate until `migrateSession`.
  public func signIn(email: String, password: String) async throws(ClientError) {
    let held = Set(try accounts().map(\.userID))
    let userID = try await register(email: email, password: password)
    // A server that has lost this device's sequence numbers reports that at the first sync. The
    // sync runs here because registering a new device needs the password.
    if held.contains(userID) { _ = try? await sync() }
    let standing = try store.read { state throws(ClientError) in state.accounts[userID]?.standing }
    if standing == .mustRegister { _ = try await register(email: email, password: password) }
  }

  /// Signs in with this device's id, or with a new one if the server and this device disagree on
  /// the old one's sequence numbers.
  private func register(email: String, password: String) async throws(ClientError) -> Identifier {
    let deviceID = try knownDeviceID(of: email) ?? .random()
    let response = try await signIn(email: email, password: password, as: deviceID)
    if let userID = try await enterAsFormerDevice(
      response.account, email: email, password: password, insteadOf: deviceID)
    {
      return userID
    }
    return try enter(response.account, response.tokens, as: deviceID, email: email)
  }

  private func signIn(
    email: String, password: String, as deviceID: Identifier
  ) async throws(ClientError) -> SignInResponse {
    let request = SignInRequest(
      email: email, password: password, device: schemaDevice(deviceID), language: device.language)
    return try await call(AccountServiceMethods.signIn, request, SignInResponse.self)
  }

  /// Signs in with the id that this device has in an account under a former address: the address
  /// was changed on another device.
  /// - Parameter deviceID: The id with which the server knows the device under the present address.
  /// - Returns: The account; nil: this device has no other id in it.
  func enterAsFormerDevice(
    _ entered: Account?, email: String, password: String, insteadOf deviceID: Identifier
  ) async throws(ClientError) -> Identifier? {
    let held = try store.read { state throws(ClientError) in
      (entered?.userId).flatMap { Identifier($0) }.flatMap { state.accounts[$0] }
    }
    guard let held, held.standing != .mustRegister, held.replica.deviceID != deviceID else { return nil }
    let response = try await signIn(email: email, password: password, as: held.replica.deviceID)
    let userID = try enter(response.account, response.tokens, as: held.replica.deviceID, email: email)
    _ = try? await signOutDevice(deviceID)
    return userID
  }

  /// This device's id in a known account; nil if the account is not known.
  /// - Parameter isKept: The device keeps the id, so that it can send again what the server has
  ///   lost; otherwise it has to give the id up.
  func knownDeviceID(of email: String, isKept: Bool = true) throws(ClientError) -> Identifier? {
    try store.read { state throws(ClientError) in
      let known = state.accounts.values.first { $0.email.lowercased() == email.lowercased() }
      return switch known?.standing {
      case .signedIn, .signedOut, .unknownToServer: isKept ? known?.replica.deviceID : nil
      case .mustRegister: isKept ? nil : known?.replica.deviceID
      case nil: nil
      }
    }
  }

  /// Makes an account that the server has signed this device in to the current one.
  func enter(
    _ entered: Account?, _ tokens: Tokens?, as deviceID: Identifier, email: String
  ) throws(ClientError) -> Identifier {
    guard let userID = (entered?.userId).flatMap({ Identifier($0) }), let tokens else {
      throw .failing("The answer to the sign-in has no account.")
    }
    let now = clock.now
    let deletionAt = entered?.deletionAt?.instant?.wholeMilliseconds
    try store.change { state throws(ClientError) in
      let isKnown: Void? = state.changeAccount(userID) { account in
        if account.replica.deviceID != deviceID {
          account.replica.continueAsNewDevice(deviceID)
          account.caughtUpAt = now
          // Sequence numbers start anew: earlier migrations precede all of them.
          for id in account.migratedSessions.keys { account.migratedSessions[id]?.afterSeq = 0 }
        }
        // The address may have been changed on another device.
        account.email = email
        account.standing = .signedIn
        account.credentials = .init(tokens)
        account.deletionAt = deletionAt
      }
      if isKnown == nil {
        var account = ClientAccount(
          email: entered?.email ?? email, credentials: .init(tokens),
          replica: DeviceReplica(userID: userID, deviceID: deviceID))
        account.caughtUpAt = now
        account.deletionAt = deletionAt
        state.add(account)
      }
      state.current = userID
      moveReplacedAccounts(of: email, into: &state, userID: userID)
    }
    currentHasChanged()
    return userID
  }

  /// The address belongs to another account than the one stored on this device: that account was
  /// lost or erased. Its data on this device becomes anonymous data, and the person decides about
  /// it.
  private func moveReplacedAccounts(of email: String, into state: inout ClientState, userID: Identifier) {
    let now = clock.now
    let replaced = state.accounts.filter { $0.key != userID && $0.value.email.lowercased() == email.lowercased() }
    for id in replaced.keys.sorted() {
      _ = state.moveIntoSession(id, now: now) { day, dayStart in
        clientTime(on: day, now: now, dayStartMinutes: dayStart)
      }
    }
  }

  /// Migrates the data recorded without an account into the current account.
  @discardableResult
  public func migrateSession() async throws(ClientError) -> MigrationReport {
    let now = clock.now
    // The first sync, so that the database's epoch for the answer is known.
    let isFirst = try store.read { state throws(ClientError) in
      state.current.flatMap { state.accounts[$0] }?.replica.cursor.epoch == Epoch.none
    }
    if isFirst { try await sync() }
    let pending = try store.change { state throws(ClientError) -> PendingMigration in
      guard let userID = state.current else { throw .notPossible("No account is signed in.") }
      guard let session = state.session, !session.habits.isEmpty else {
        throw .notPossible("Nothing was recorded without an account.")
      }
      if let pending = state.pendingMigration, pending.userID == userID { return pending }
      let here = clock.localTime(at: now, dayStartMinutes: state.dayStartMinutes)
      // A sign-up that succeeded without its answer may have claimed the session: only the server
      // knows.
      let pending = PendingMigration(
        userID: userID, claim: session.makeClaim(migrationID: .random(), at: here).protobufBytes())
      state.pendingMigration = pending
      return pending
    }
    let (result, claim, isSecondDevice) = try await migrate(pending)
    try store.change { state throws(ClientError) in
      state.moveSession(sentAs: claim, isSecondDevice: isSecondDevice, result, into: pending.userID, now: now)
      state.pendingMigration = nil
      state.pendingSignUp = nil
    }
    wake()
    return MigrationReport(result)
  }

  private func migrate(
    _ pending: PendingMigration
  ) async throws(ClientError) -> (result: MigrationResult, claim: SessionClaim, isSecondDevice: Bool) {
    var pending = pending
    var isSecondDevice = false
    for _ in 0..<4 {
      let claim = try Self.claim(pending.claim)
      do throws(ClientError) {
        let request = MigrateRequest(session: claim, secondDevice: isSecondDevice)
        let response = try await call(
          MigrationServiceMethods.migrate, request, MigrateResponse.self, for: pending.userID)
        return (response.migration ?? MigrationResult(), claim, isSecondDevice)
      } catch {
        guard error.isFinal else { throw error }
        var again = try nextClaim(after: error, pending.claim)
        if case .refused(let refusal) = error, refusal.reason == .alreadyMigrated {
          // An earlier call, whose answer was lost, has migrated the session already. What is left,
          // if anything, are days recorded since.
          if isSecondDevice {
            return (try await earlierMigration(refusal, of: claim, pending.userID), claim, isSecondDevice)
          }
          isSecondDevice = true
          again = try renamed(pending.claim)
        }
        let next = again.map { PendingMigration(userID: pending.userID, claim: $0) }
        try store.change { state throws(ClientError) in state.pendingMigration = next }
        guard let next else { throw error }
        pending = next
      }
    }
    throw .failing("The server's answers about this session contradict each other.")
  }

  /// The result of an earlier migration of this session. A long result does not fit into the
  /// refusal: then the list of migrations has it. If that has none either, habits are matched by
  /// their names.
  private func earlierMigration(
    _ refusal: ClientError.Refusal, of claim: SessionClaim, _ userID: Identifier
  ) async throws(ClientError) -> MigrationResult {
    if let migration = refusal.migration { return migration }
    do throws(ClientError) {
      let response = try await call(
        MigrationServiceMethods.listMigrations, ListMigrationsRequest(), ListMigrationsResponse.self, for: userID)
      return response.migrations.last { $0.result?.sessionId == claim.sessionId }?.result ?? MigrationResult()
    } catch {
      guard error.isFinal else { throw error }
      return MigrationResult()
    }
  }

  // MARK: What the server may have lost

  /// Sends migrated sessions again that the server may have lost. Each is sent once the operations
  /// made before it were sent, and the habits restated. If the server has the session, it only
  /// repeats its answer.
  func resendLostSessions(_ userID: Identifier) async throws(ClientError) {
    let lost = try store.read { state throws(ClientError) -> [(key: Identifier, value: MigratedSession)] in
      guard let account = state.accounts[userID], account.replica.formerHabits.isEmpty else { return [] }
      let next = account.replica.queue.first?.seq ?? .max
      return account.lostSessions.filter { $0.value.afterSeq < next }
    }
    for (id, migrated) in lost {
      do throws(ClientError) {
        try await sendAgain(migrated, for: userID)
      } catch {
        // The server's final answer: its own record of this session stands.
        guard error.isFinal, error != .accountUnknown, error != .accountErased else { throw error }
      }
      try store.change { state throws(ClientError) in
        _ = state.changeAccount(userID) { $0.migratedSessions[id]?.isLost = false }
      }
    }
  }

  private func sendAgain(_ migrated: MigratedSession, for userID: Identifier) async throws(ClientError) {
    var request = MigrateRequest(
      session: try Self.claim(migrated.claim),
      habitMap: migrated.habitMap.sorted { $0.key < $1.key }.map {
        HabitMapping(capturedHabitId: $0.key.bytes, habitId: $0.value.bytes)
      }, secondDevice: migrated.isSecondDevice)
    for _ in 0..<3 {
      do throws(ClientError) {
        _ = try await call(MigrationServiceMethods.migrate, request, MigrateResponse.self, for: userID)
        return
      } catch {
        if error.reason == .sessionInvalid, request.session?.unanchored == false {
          request.session?.unanchored = true
        } else if error.reason == .invalidField, !request.habitMap.isEmpty {
          // A restated habit is missing: the account has too many habits.
          request.habitMap = []
        } else {
          throw error
        }
      }
    }
  }

  /// Signs out of the account. Its data and its queue stay on this device until the next sign-in.
  public func signOut() async throws(ClientError) {
    guard let userID = try store.read({ state throws(ClientError) in state.current }) else {
      throw .notPossible("No account is signed in.")
    }
    // Offline, the server's credentials expire by themselves; the local ones are removed at once.
    let bearer = try store.read { state throws(ClientError) in state.accounts[userID]?.credentials?.accessToken }
    try store.change { state throws(ClientError) in
      _ = state.changeAccount(userID) { account in
        account.credentials = nil
        if account.standing == .signedIn { account.standing = .signedOut }
      }
      state.current = nil
    }
    currentHasChanged()
    guard let bearer, network != nil else { return }
    _ = try? await call(AccountServiceMethods.signOut, SignOutRequest(), SignOutResponse.self, bearer: bearer)
  }

  /// Switches to another account on this device, or to none. Nothing is sent or removed.
  public func use(_ userID: Identifier?) throws(ClientError) {
    try store.change { state throws(ClientError) in
      if let userID, state.accounts[userID] == nil { throw .notPossible("This device does not hold that account.") }
      state.current = userID
    }
    currentHasChanged()
  }

  /// Removes an account's data from this device. Refused while operations wait to be sent.
  public func forget(_ userID: Identifier) throws(ClientError) {
    try store.change { state throws(ClientError) in
      guard let account = state.accounts[userID] else { throw .notPossible("This device does not hold that account.") }
      guard account.replica.queue.isEmpty else {
        throw .notPossible("\(account.replica.queue.count) changes of this account have not reached the server.")
      }
      state.dropAccount(userID)
    }
    currentHasChanged()
  }

  // MARK: Helpers

  func schemaDevice(_ deviceID: Identifier) -> Device {
    Device(
      deviceId: deviceID.bytes, name: device.name, platform: device.platform, appVersion: device.appVersion)
  }

  private static func claim(_ bytes: [UInt8]) throws(ClientError) -> SessionClaim {
    do throws(DecodeError) { return try SessionClaim(protobufBytes: bytes) } catch {
      throw .storage("a kept request cannot be read: \(error)")
    }
  }

  /// The claim to send after a refusal; nil: none, the refusal is final.
  private func nextClaim(after error: ClientError, _ claim: [UInt8]) throws(ClientError) -> [UInt8]? {
    guard !claim.isEmpty else { return nil }
    switch error.reason {
    case .sessionInvalid:
      // The server does not know the session any more. If the claim already says so, nothing is
      // left to do.
      var claim = try Self.claim(claim)
      guard !claim.unanchored else { return nil }
      claim.unanchored = true
      claim.migrationId = Identifier.random().bytes
      return claim.protobufBytes()
    case .sessionClaimed:
      // Another account has claimed the session, for example by a sign-up with a mistyped address
      // whose answer was lost. The days are on this device and belong to this person.
      let now = clock.now
      let sessionID = try Self.claim(claim).sessionId
      return try store.change { state throws(ClientError) in
        guard state.session?.sessionID.bytes == sessionID else { return nil }
        state.changeSession(now: now) { $0.takeNewName() }
        let here = clock.localTime(at: now, dayStartMinutes: state.dayStartMinutes)
        return state.session?.makeClaim(migrationID: .random(), at: here).protobufBytes()
      }
    default: return nil
    }
  }

  /// The same claim under another migration id.
  private func renamed(_ claim: [UInt8]) throws(ClientError) -> [UInt8] {
    var claim = try Self.claim(claim)
    claim.migrationId = Identifier.random().bytes
    return claim.protobufBytes()
  }
}

extension MigrationReport {
  init(_ result: MigrationResult) {
    self.init(
      daysCounted: result.habits.reduce(0) { $0 + Int($1.daysCounted) },
      daysQuarantined: result.habits.reduce(0) { $0 + Int($1.daysQuarantined) },
      entriesRejected: result.rejected.count)
  }
}
