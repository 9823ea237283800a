internal import Cryptography
internal import GRPCSchema
internal import ProtobufCodec
internal import RPC
internal import Schema
internal import struct StreakDomain.Identifier
internal import StreakStore

/// Signing up: checks everything, then stores everything at once.
///
/// The reply is stored sealed under secrets that only the request holds (with a session its secret and the migration's id, otherwise the
/// idempotency key; always the email and password). Opening it for a repeated request proves that it is the same request, and gives the same
/// bytes, tokens included; the database alone gives nothing.
struct SignUpProcedure: Sendable {
  let store: StreakStore
  let passwords: PasswordQueue
  let issuer: TokenIssuer

  func run(_ request: SignUpRequest, context: ServerContext) async throws(RPCStatus) -> SignUpResponse {
    let now = Moment.now()
    guard let email = EmailAddress(request.email) else {
      throw Refusal.invalidField("email", "must be an email address")
    }
    let device = try DeviceRecord(request.device, path: "device")
    let session = try await capture(request, at: now)
    let sealingKey = Self.sealingKey(request, emailKey: email.key)
    if let reply = try await storedReply(emailKey: email.key, sealingKey: sealingKey, context: context) { return reply }
    if let claimant = session?.known?.claimedBy { throw Self.claimed(by: claimant, context: context) }

    let hash = try await passwords.hash(Secret(request.password), on: context.loop)
    let userID = Identifier.random()
    let issued = issuer.issue(to: userID, at: now)
    let response = SignUpResponse(
      account: Account(
        userId: userID.bytes, email: email.text, createdAt: GoogleProtobufTimestamp(now),
        changeNumber: session == nil ? 0 : StreakStore.firstChangeNumber, habitCount: Int32(session?.habitCount ?? 0)),
      tokens: issued.message, migration: session?.result(at: now))
    context.principal = Principal(
      userID: userID, deviceID: device.deviceID,
      auditDetail: session.map { $0.anchor == nil ? "unanchored=true" : "unanchored=false" } ?? "")
    let migration = try session?.stored(from: device.deviceID, at: now)
    let outcome = try await answering { () throws(StoreError) in
      try await store.signUp(
        NewAccount(
          userID: userID, email: email.text, emailKey: email.key, passwordHash: hash.text, createdAt: now,
          zoneUses: session?.zoneUses ?? [],
          sealedReply: SealedBytes.seal(response.protobufBytes(), key: sealingKey), device: device,
          credential: issued.credential, session: migration,
          auditEvent: AuditInterceptor.event(of: context)))
    }
    switch outcome {
    case .signedUp:
      (context.principal as? Principal).map { principal in
        var principal = principal
        principal.auditIsStored = true
        context.principal = principal
      }
      return response
    case .emailTaken, .sessionChanged:
      // Somebody was faster: perhaps the same request on another connection.
      context.principal = nil
      if let reply = try await storedReply(emailKey: email.key, sealingKey: sealingKey, context: context) {
        return reply
      }
      guard let claim = request.session, outcome == .sessionChanged else { throw Refusal.signUpRefused.status }
      let sessionID = try Identifier(field: claim.sessionId, path: "session.session_id")
      let current = try await answering { () throws(StoreError) in try await store.session(sessionID) }
      guard let claimant = current?.claimedBy else { throw Refusal.concurrentChange.status }
      throw Self.claimed(by: claimant, context: context)
    }
  }

  /// Checks the session's proof and plans its migration; nil if there is none.
  private func capture(_ request: SignUpRequest, at now: Moment) async throws(RPCStatus) -> SessionCapture? {
    guard let claim = request.session else { return nil }
    let sessionID = try Identifier(field: claim.sessionId, path: "session.session_id")
    let known = try await answering { () throws(StoreError) in try await store.session(sessionID) }
    let secretHash = SHA256.digest(of: claim.sessionSecret)
    if let known {
      guard equalInConstantTime(known.secretHash, secretHash) else { throw Refusal.sessionInvalid.status }
    } else if let erased = try await answering({ () throws(StoreError) in
      try await store.erasedSessionSecretHash(sessionID)
    }) {
      throw equalInConstantTime(erased, secretHash) ? Refusal.accountErased.status : Refusal.sessionInvalid.status
    } else if !claim.unanchored {
      throw Refusal.sessionInvalid.status
    }
    return try SessionCapture(claim, known: known, secretHash: secretHash, at: now)
  }

  /// The reply to this very request, if it was answered before.
  private func storedReply(
    emailKey: String, sealingKey: Secret, context: ServerContext
  ) async throws(RPCStatus) -> SignUpResponse? {
    let found = try await answering { () throws(StoreError) -> (Identifier, [UInt8])? in
      guard let userID = try await store.userID(emailKey: emailKey),
        let sealed = try await store.sealedSignUp(userID)
      else { return nil }
      return (userID, sealed)
    }
    guard let (userID, sealed) = found, let bytes = SealedBytes.open(sealed, key: sealingKey),
      let reply = try? SignUpResponse(protobufBytes: bytes)
    else { return nil }
    context.principal = Principal(userID: userID, auditDetail: "replayed=true")
    context.addTrailingMetadata(ReplyReplay.metadataName, "true")
    return reply
  }

  /// The session is another account's, or this one's under another request: told alike, and noted with the account that has it.
  private static func claimed(by claimant: Identifier, context: ServerContext) -> RPCStatus {
    context.principal = Principal(userID: claimant)
    return Refusal.sessionClaimed.status
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
