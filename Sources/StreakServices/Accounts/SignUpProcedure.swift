internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import struct StreakDomain.RecoveryCode
internal import StreakStore

/// Signing up: checks the whole request, then stores everything in one transaction.
///
/// The reply is stored sealed under secrets that only the request has: with a session its secret
/// and the migration's id, otherwise the idempotency key; always the email and the password.
/// Opening the reply for a repeated request proves that it is the same request, and gives the same
/// bytes, tokens included. The database alone cannot open it.
struct SignUpProcedure: Sendable {
  let store: StreakStore
  let passwords: PasswordVault
  let issuer: TokenIssuer
  let limiter: RateLimiter
  let passwordRules: PasswordRules
  let work: LargeWork
  /// Nil: the server sends no mails.
  let mail: MailOrders?

  func run(_ request: SignUpRequest, context: ServerContext) async throws(RPCStatus) -> SignUpResponse {
    let now = Instant.now()
    guard let email = EmailAddress(request.email) else {
      throw Reason.invalidField("email", "must be an email address")
    }
    let device = try DeviceRecord(request.device, path: "device")
    // Checked before any lookup, so that a refusal says nothing about the address.
    let password = NormalizedPassword(request.password)
    try passwordRules.check(password, email: email.key, path: "password")
    let codeHash = try addressCodeHash(request, email)
    let session = try await present(request)
    let sealingKey = Self.sealingKey(request, emailKey: email.key)
    if let reply = try await storedReply(emailKey: email.key, sealingKey: sealingKey, context: context) { return reply }
    if let claimant = session?.known?.claimedBy { throw Self.claimed(by: claimant, context: context) }
    // Counted before the capture is checked, which costs most.
    try await limiter.count(context, person: Array(email.key.utf8))
    let capture: CheckedCapture? =
      if let claim = request.session { try await CheckedCapture.check(claim, by: work) } else { nil }

    let userID = Identifier.random()
    context.principal = Principal(userID: userID, deviceID: device.deviceID)
    var migration: (stored: NewMigration, result: MigrationResult)?
    if let capture {
      migration = try await decide(
        capture, of: session?.known, for: userID, deviceID: device.deviceID, at: now, context: context)
    }
    let sealedPassword = try await passwords.seal(
      password, of: userID, as: limiter.unknownParty(context), on: context.loop)
    let issued = issuer.issue(to: userID, at: now)
    let codes: (texts: [String], hashes: [[UInt8]]) =
      request.withRecoveryCodes ? RecoveryCode.make(for: userID, by: store.serverKey) : ([], [])
    let response = SignUpResponse(
      account: Account(
        userId: userID.bytes, email: email.text, createdAt: GoogleProtobufTimestamp(now),
        changeNumber: migration?.stored.ledger.changeNumber ?? 0,
        habitCount: Int32(clamping: migration?.stored.ledger.habitCount ?? 0), emailVerified: codeHash != nil,
        language: request.language, recoveryCodesLeft: Int32(codes.texts.count)),
      tokens: issued.message, migration: migration?.result, recoveryCodes: codes.texts)
    var account = NewAccount(
      userID: userID, email: email.text, emailKey: email.key, sealedPassword: sealedPassword, createdAt: now,
      recoveryCodeHashes: codes.hashes,
      sealedReply: SealedBytes.seal(response.protobufBytes(), key: sealingKey), device: device,
      credential: issued.credential, addressHash: limiter.addressHash(of: context, userID),
      session: migration?.stored, auditEvent: AuditInterceptor.event(of: context, from: limiter.addresses))
    (account.language, account.addressCodeHash) = (request.language, codeHash)
    let outcome = try await mappingStoreErrors { [account] () throws(StoreError) in try await store.signUp(account) }
    switch outcome {
    case .signedUp:
      context.audit.isStored = true
      return response
    case .codeInvalid:
      (context.principal, context.audit.detail) = (nil, nil)
      throw Reason.mailProofInvalid.status
    case .emailTaken, .sessionChanged:
      // Another call has created the account: perhaps the same request on another connection.
      (context.principal, context.audit.detail) = (nil, nil)
      if let reply = try await storedReply(emailKey: email.key, sealingKey: sealingKey, context: context) {
        return reply
      }
      guard let claim = request.session, outcome == .sessionChanged else { throw Reason.signUpRefused.status }
      let sessionID = try identifier(claim.sessionId, "session.session_id")
      let current = try await mappingStoreErrors { () throws(StoreError) in try await store.session(sessionID) }
      guard let claimant = current?.claimedBy else { throw Reason.concurrentChange.status }
      throw Self.claimed(by: claimant, context: context)
    }
  }

  /// The keyed hash of the code that proves the address; nil if there is none.
  private func addressCodeHash(_ request: SignUpRequest, _ email: EmailAddress) throws(RPCStatus) -> [UInt8]? {
    guard !request.addressCode.isEmpty else { return nil }
    guard let mail else { throw Reason.mailOff.status }
    guard let code = MailOrders.code(request.addressCode) else { throw Reason.mailProofInvalid.status }
    return mail.seal.codeHash(code, of: Array(email.key.utf8))
  }

  /// A session with its proof, and the server's record of it.
  private struct PresentedSession {
    /// Nil: the server does not know the session.
    let known: SessionRecord?
  }

  /// Checks the session's proof; nil if there is none.
  private func present(_ request: SignUpRequest) async throws(RPCStatus) -> PresentedSession? {
    guard let claim = request.session else { return nil }
    let sessionID = try identifier(claim.sessionId, "session.session_id")
    let presented = try await mappingStoreErrors { () throws(StoreError) in try await store.presentedSession(sessionID)
    }
    let secretHash = SHA256.digest(of: claim.sessionSecret)
    if let known = presented.known {
      guard equalInConstantTime(known.secretHash, secretHash) else { throw Reason.sessionInvalid.status }
    } else if let erased = presented.erasedSecretHash {
      throw equalInConstantTime(erased, secretHash) ? Reason.accountErased.status : Reason.sessionInvalid.status
    } else if !claim.unanchored {
      throw Reason.sessionInvalid.status
    }
    return PresentedSession(known: presented.known)
  }

  /// The session's result in an account that holds nothing: decided like any migration.
  private func decide(
    _ capture: CheckedCapture, of known: SessionRecord?, for userID: Identifier, deviceID: Identifier, at now: Instant,
    context: ServerContext
  ) async throws(RPCStatus) -> (stored: NewMigration, result: MigrationResult) {
    let decision = try MigrationDecision(
      capture, map: [], planHash: [], isSecondDevice: false, isNewAccount: true, userID: userID, at: now
    ) { detail in
      context.audit.detail = detail
      return AuditInterceptor.event(of: context, from: limiter.addresses)
    }
    try await work.takeTurn(isLarge: decision.isLarge)
    defer { work.endTurn(isLarge: decision.isLarge) }
    let before = store.emptyLedger(at: now)
    var ledger = before
    let steps = OffloadedDecision(decision, work: work)
    _ = try await steps.begin(MigrationState(session: known)).get()
    try await steps.merge(into: &ledger).get()
    ledger.readFullHabits(from: before)
    ledger.finishChange(now: now.wholeMilliseconds, makeID: Identifier.random)
    let record = try await steps.finish(ledger).get()
    return (NewMigration(record: record, isSessionKnown: known != nil, ledger: ledger), decision.result)
  }

  /// The stored reply to this request, if it was answered before. An unknown address costs as many
  /// lookups as a known one.
  private func storedReply(
    emailKey: String, sealingKey: Secret, context: ServerContext
  ) async throws(RPCStatus) -> SignUpResponse? {
    let found = try await mappingStoreErrors { () throws(StoreError) -> (Identifier, [UInt8])? in
      let userID = try await store.userID(emailKey: emailKey)
      let sealed = try await store.sealedSignUp(userID ?? .zero)
      guard let userID, let sealed else { return nil }
      return (userID, sealed)
    }
    guard let (userID, sealed) = found, let bytes = SealedBytes.open(sealed, key: sealingKey),
      let reply = try? SignUpResponse(protobufBytes: bytes)
    else { return nil }
    context.principal = Principal(userID: userID)
    context.audit.detail = "replayed=true"
    context.addTrailingMetadata(ReplyReplay.metadataName, "true")
    return reply
  }

  /// The session belongs to another account, or to this one by another request. Both get the same
  /// refusal, and the audit event names the account that has the session.
  private static func claimed(by claimant: Identifier, context: ServerContext) -> RPCStatus {
    (context.principal, context.audit.detail) = (Principal(userID: claimant), nil)
    return Reason.sessionClaimed.status
  }

  private static func sealingKey(_ request: SignUpRequest, emailKey: String) -> Secret {
    let account = [Array(emailKey.utf8), Array(request.password.utf8)]
    guard let session = request.session else {
      return SealedBytes.key(purpose: "sign-up", secrets: account + [request.idempotencyKey])
    }
    return SealedBytes.key(
      purpose: "sign-up with session",
      secrets: account + [
        session.sessionId, session.sessionSecret, session.migrationId, session.captured?.manifest?.sha256 ?? [],
      ])
  }
}
