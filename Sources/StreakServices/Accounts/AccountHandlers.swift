internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// Handles the methods about accounts and credentials. One per loop.
struct AccountHandlers: AccountService {
  let store: StreakStore
  let passwords: PasswordVault
  let issuer: TokenIssuer
  let limiter: RateLimiter
  let signUp: SignUpProcedure
  let passwordRules: PasswordRules
  let erasure: AccountErasure
  let proofs: PersonProofCheck
  /// The seconds from a deletion's announcement to the erasure.
  let deletionDelaySeconds: Int64
  /// Nil: the server sends no mails.
  let mail: MailOrders?

  func signUp(_ request: SignUpRequest, context: ServerContext) async throws(RPCStatus) -> SignUpResponse {
    try await signUp.run(request, context: context)
  }

  func signIn(_ request: SignInRequest, context: ServerContext) async throws(RPCStatus) -> SignInResponse {
    let device = try DeviceRecord(request.device, path: "device")
    // A text that is not an email address is answered like an unknown address.
    let email = EmailAddress(request.email)
    // An unknown address costs as many statements as a known one.
    let user: UserRecord? = try await mappingStoreErrors { () throws(StoreError) in
      let userID = try await store.userID(emailKey: email?.key ?? "")
      return try await store.user(userID ?? .zero)
    }
    context.principal = user.map { Principal(userID: $0.userID, deviceID: device.deviceID) }
    let (addressHash, party, isKnownDevice) = try await countSignIn(
      email?.key ?? request.email, user?.userID, device.deviceID, context)
    let password = NormalizedPassword(request.password)
    var found = user
    for _ in 0..<Self.signInAttemptsMax {
      guard try await passwords.verify(password, of: found, as: party, on: context.loop), var user = found else {
        throw Reason.signInRefused.status
      }
      // Checked only after the password was right: a caller without it must not learn of the lock.
      guard user.lockedAt == nil else { throw Reason.accountLocked.status }
      if let renewed = await passwords.renewal(password, of: user, as: party, on: context.loop),
        // If this fails, the next sign-in renews the hash.
        (try? await store.renewPassword(of: user.userID, from: user.sealedPassword, to: renewed)) == true
      {
        user.sealedPassword = renewed
      }
      let now = Instant.now()
      let isNotified = !isKnownDevice && user.emailVerifiedAt != nil
      let signIn = VerifiedSignIn(
        user: user, device: device, addressHash: addressHash, language: request.language,
        notice: isNotified ? mail?.newDevice(device, at: now) : nil)
      if let response = try await complete(signIn, at: now) { return response }
      // The account was erased or locked, or its password replaced, while the password was
      // verified.
      found = try await mappingStoreErrors { () throws(StoreError) in try await store.user(signIn.user.userID) }
      if found == nil {
        context.principal = nil
        throw try await store.refusalOfUnknownToken(of: user.userID)
      }
    }
    throw Reason.concurrentChange.status
  }

  /// How often a password is verified again because another call replaced it meanwhile.
  private static let signInAttemptsMax = 4

  /// A sign-in whose password was right.
  private struct VerifiedSignIn {
    let user: UserRecord
    let device: DeviceRecord
    let addressHash: [UInt8]
    /// Empty: as before.
    let language: String
    let notice: NewMail?
  }

  /// - Returns: Nil if the account is not as it was when the password was verified.
  private func complete(_ signIn: VerifiedSignIn, at now: Instant) async throws(RPCStatus) -> SignInResponse? {
    let user = signIn.user
    let issued = issuer.issue(to: user.userID, at: now)
    do throws(StoreError) {
      try await store.signIn(
        signIn.device, of: user.userID, issued.credential, at: now, addressHash: signIn.addressHash,
        ifPassword: user.sealedPassword, notice: signIn.notice)
      if !signIn.language.isEmpty, signIn.language != user.language {
        try await store.noteLanguage(signIn.language, of: user.userID)
      }
      let habitCount = try await store.habitCount(of: user.userID)
      return SignInResponse(account: Account(user, habitCount: habitCount), tokens: issued.message)
    } catch {
      guard error == .noSuchUser else { throw error.refusal.status }
      return nil
    }
  }

  /// Counts an attempt to sign in. Attempts are counted by email; attempts from a device or an
  /// address that the person signed in from before are counted apart from all others, so that
  /// guesses from elsewhere cannot lock the person out there. For an unknown email no device and no
  /// address is known, and nothing else distinguishes it from a known one.
  ///
  /// - Returns: The hash of the address, to be stored by a sign-in that succeeds; the party under
  ///   which the password waits in the queue; and whether the person signed in on the device
  ///   before.
  private func countSignIn(
    _ emailKey: String, _ userID: Identifier?, _ deviceID: Identifier, _ context: ServerContext
  ) async throws(RPCStatus) -> (addressHash: [UInt8], party: FairQueue.Party, isKnownDevice: Bool) {
    let owner = userID ?? .zero
    let addressHash = limiter.addressHash(of: context, owner)
    let origin = try await mappingStoreErrors { () throws(StoreError) in
      try await store.signInOrigin(of: owner, deviceID: deviceID, addressHash: addressHash)
    }
    let suffix: [UInt8] =
      switch origin {
      case .knownDevice: Array(" device ".utf8) + deviceID.bytes
      case .knownAddress: Array(" address ".utf8) + addressHash
      case .unknown: []
      }
    try await limiter.count(context, person: Array(emailKey.utf8) + suffix)
    let party = origin == .unknown ? limiter.unknownParty(context) : .init(isKnown: true, name: owner.bytes)
    return (addressHash, party, origin == .knownDevice)
  }

  func listDevices(
    _ request: ListDevicesRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListDevicesResponse {
    let principal = try context.user()
    let devices = try await mappingStoreErrors { () throws(StoreError) in try await store.devices(of: principal.userID)
    }
    return ListDevicesResponse(
      devices: devices.map { SignedInDevice($0, isThisDevice: $0.device.deviceID == principal.deviceID) })
  }

  func revokeDevice(
    _ request: RevokeDeviceRequest, context: ServerContext
  ) async throws(RPCStatus) -> RevokeDeviceResponse {
    let principal = try context.user()
    let userID = principal.userID
    let deviceID = try identifier(request.deviceId, "device_id")
    let wasSignedIn = try await mappingStoreErrors { () throws(StoreError) in
      try await store.revokeDevice(deviceID, of: userID, at: .now())
    }
    guard let wasSignedIn else { throw Reason.deviceNotFound.status }
    context.hasRevokedTokens = true
    context.audit.detail = "revoked=\(deviceID)"
    return RevokeDeviceResponse(wasSignedIn: wasSignedIn)
  }

  func changePassword(
    _ request: ChangePasswordRequest, context: ServerContext
  ) async throws(RPCStatus) -> ChangePasswordResponse {
    let principal = try context.user()
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    let userID = principal.userID
    let user = try await mappingStoreErrors { () throws(StoreError) in try await store.user(userID) }
    guard let user else { throw Reason.credentialsInvalid.status }
    let newPassword = NormalizedPassword(request.newPassword)
    try passwordRules.check(newPassword, email: user.email, path: "new_password")
    let party = FairQueue.Party(isKnown: true, name: userID.bytes)
    let password = NormalizedPassword(request.password)
    guard try await passwords.verify(password, of: user, as: party, on: context.loop) else {
      throw Reason.signInRefused.status
    }
    let sealedPassword = try await passwords.seal(newPassword, of: userID, as: party, on: context.loop)
    let now = Instant.now()
    let issued = issuer.issue(to: userID, at: now)
    let count = try await mappingStoreErrors { () throws(StoreError) in
      try await store.changePassword(
        of: userID, from: user.sealedPassword, to: sealedPassword, on: deviceID, issued.credential, at: now,
        notice: user.emailVerifiedAt == nil ? nil : mail?.passwordChanged(at: now))
    }
    guard let count else { throw Reason.concurrentChange.status }
    context.hasRevokedTokens = true
    return ChangePasswordResponse(devicesSignedOut: count, tokens: issued.message)
  }

  /// Issues the next pair of tokens; `TokenFamily` says what the presented token means.
  func refresh(_ request: RefreshRequest, context: ServerContext) async throws(RPCStatus) -> RefreshResponse {
    guard let token = OpaqueToken(text: request.refreshToken), token.kind == .refresh,
      let userID = Identifier(token.owner)
    else { throw Reason.credentialsInvalid.status }
    // The call is counted for a person only if the token belongs to a genuine family: a stranger's
    // guesses count for the stranger's address.
    var isCounted = false
    for _ in 0..<Self.refreshAttemptsMax {
      let grant = try await mappingStoreErrors { () throws(StoreError) in
        try await store.refreshGrant(of: userID, familyHash: token.familyHash)
      }
      if !isCounted { try await limiter.count(context, person: grant == nil ? nil : userID.bytes) }
      isCounted = true
      switch grant {
      case nil: throw try await store.refusalOfUnknownToken(of: userID, token)
      case .ended(let deviceID, let isCopy):
        context.principal = Principal(userID: userID, deviceID: deviceID)
        throw isCopy ? Reason.deviceCopied : Reason.credentialsInvalid.status
      case .living(let deviceID, let before):
        context.principal = Principal(userID: userID, deviceID: deviceID)
        if let response = try await refresh(token, before, of: deviceID, userID, context) { return response }
      }
    }
    throw Reason.concurrentChange.status
  }

  /// How often a refresh starts again because another call changed the family meanwhile.
  private static let refreshAttemptsMax = 8

  /// - Returns: Nil if another call changed the family meanwhile.
  private func refresh(
    _ token: OpaqueToken, _ before: TokenFamily, of deviceID: Identifier, _ userID: Identifier, _ context: ServerContext
  ) async throws(RPCStatus) -> RefreshResponse? {
    let now = Instant.now()
    let issued = issuer.issue(to: userID, refreshing: token, at: now)
    var family = before
    switch family.refresh(token.hash, issuing: TokenFamily.Pair(issued.credential), at: now) {
    case .issued:
      let isStored = try await mappingStoreErrors { () throws(StoreError) in
        try await store.storeFamily(family, replacing: before, of: deviceID, userID, refreshedAt: now)
      }
      return isStored ? RefreshResponse(tokens: issued.message) : nil
    case .expired: throw Reason.credentialsInvalid.status
    case .copied:
      // A token with an error in it is not a copy.
      guard token.isGenuine(by: store.serverKey.tokenProof) else { throw Reason.credentialsInvalid.status }
      context.audit.detail = "refresh token used twice"
      context.hasRevokedTokens = true
      try await mappingStoreErrors { () throws(StoreError) in
        try await store.endCopiedFamily(token.familyHash, of: deviceID, userID)
      }
      throw Reason.deviceCopied
    }
  }

  func signOut(_ request: SignOutRequest, context: ServerContext) async throws(RPCStatus) -> SignOutResponse {
    let principal = try context.user()
    let (userID, deviceID) = (principal.userID, request.allDevices ? nil : principal.deviceID)
    let count = try await mappingStoreErrors { () throws(StoreError) in
      try await store.signOut(deviceID, of: userID)
    }
    context.hasRevokedTokens = true
    return SignOutResponse(devicesSignedOut: count)
  }

  /// The text that a person types to confirm.
  static let deletionPhrase = "delete my account"

  func deleteAccount(
    _ request: DeleteAccountRequest, context: ServerContext
  ) async throws(RPCStatus) -> DeleteAccountResponse {
    let principal = try context.user()
    let userID = principal.userID
    let user = try await mappingStoreErrors { () throws(StoreError) in try await self.store.user(userID) }
    guard let user else { throw try await self.store.refusalOfUnknownToken(of: userID) }
    // An account whose address another person proved has none.
    guard let typed = EmailAddress(request.email), user.email.isEmpty || typed.key == EmailAddress(user.email)?.key
    else {
      throw Reason.invalidField("email", "must be the account's")
    }
    guard request.confirmation == Self.deletionPhrase else {
      throw Reason.invalidField("confirmation", "must be \"\(Self.deletionPhrase)\"")
    }
    let now = Instant.now()
    guard request.immediately else {
      let person = try await proofs.require(request.proof, of: user, by: principal, context: context)
      let date = now.advanced(bySeconds: deletionDelaySeconds)
      let announced = try await mappingStoreErrors { () throws(StoreError) in
        try await self.store.announceDeletion(by: person, at: date, notice: mail?.deletionAnnounced(effect: date))
      }
      guard let announced else { throw try await self.store.refusalOfUnknownToken(of: userID) }
      context.audit.detail = "announced"
      // Cached grants do not have the date.
      context.hasRevokedTokens = true
      return DeleteAccountResponse(deletionAt: GoogleProtobufTimestamp(announced))
    }
    guard let proof = request.proof else {
      throw Reason.reauthenticationRequired.status(
        saying: "An immediate deletion needs the password or a recovery code in the same call.")
    }
    let person = try await proofs.require(proof, of: user, by: principal, context: context)
    // The event has no user: what is kept of an erasure must not lead to the person.
    var event = AuditInterceptor.event(of: context, from: limiter.addresses)
    (event.userID, event.deviceID, event.peerAddress, event.detail) = (nil, nil, "", "")
    guard try await erasure.perform(userID, at: now, event, by: person, on: context.loop) else {
      throw try await store.refusalOfUnknownToken(of: userID)
    }
    context.hasRevokedTokens = true
    context.audit.isStored = true
    return DeleteAccountResponse(erasedAt: GoogleProtobufTimestamp(now))
  }

  func cancelDeletion(
    _ request: CancelDeletionRequest, context: ServerContext
  ) async throws(RPCStatus) -> CancelDeletionResponse {
    let principal = try context.user()
    let userID = principal.userID
    let wasAnnounced = try await mappingStoreErrors { () throws(StoreError) in
      try await store.cancelDeletion(of: userID)
    }
    guard let wasAnnounced else { throw try await store.refusalOfUnknownToken(of: userID) }
    context.hasRevokedTokens = true
    return CancelDeletionResponse(wasAnnounced: wasAnnounced)
  }

  func getAccount(_ request: GetAccountRequest, context: ServerContext) async throws(RPCStatus) -> GetAccountResponse {
    let principal = try context.user()
    let account = try await mappingStoreErrors { () throws(StoreError) in
      guard let user = try await store.user(principal.userID) else { throw StoreError.noSuchUser }
      return Account(user, habitCount: try await store.habitCount(of: principal.userID))
    }
    return GetAccountResponse(account: account)
  }
}

extension ServerContext {
  /// The signed-in person. The authenticator has found the person before a handler of such a method
  /// runs.
  func user() throws(RPCStatus) -> Principal {
    guard let principal else { throw Reason.credentialsInvalid.status }
    return principal
  }
}
