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

extension RecoveryCode {
  /// Names the key among those of the server key.
  private static let purpose = "recovery code"

  /// New codes of a person: their texts for the person, and what is stored of them.
  static func make(for userID: Identifier, by key: ServerKey) -> (texts: [String], hashes: [[UInt8]]) {
    let codes = (0..<countMax).map { _ in RecoveryCode(bits: .random(in: .min ... .max)) }
    return (codes.map(\.text), codes.map { hash($0, of: userID, by: key) })
  }

  /// What is stored of a code. A text that is no code has a hash too, which no code has: it costs
  /// as much.
  static func hash(of text: String, _ userID: Identifier, by key: ServerKey) -> [UInt8] {
    hash(RecoveryCode(text), of: userID, by: key)
  }

  private static func hash(_ code: RecoveryCode?, of userID: Identifier, by key: ServerKey) -> [UInt8] {
    key.hash([userID.bytes, code?.canonical ?? []], purpose: purpose)
  }
}

/// Signing in with a recovery code and a new password.
///
/// An unknown email, a wrong code and a used one cost the same statements and the same hash of the
/// new password. The reply is stored sealed under secrets that only the request has, as that of a
/// sign-up.
struct RecoveryProcedure: Sendable {
  let store: StreakStore
  let passwords: PasswordVault
  let issuer: TokenIssuer
  let limiter: RateLimiter
  let passwordRules: PasswordRules
  /// Nil: the server sends no mails.
  let mail: MailOrders?

  func run(_ request: RecoverAccountRequest, context: ServerContext) async throws(RPCStatus) -> RecoverAccountResponse {
    let device = try DeviceRecord(request.device, path: "device")
    let email = EmailAddress(request.email)
    let emailKey = email?.key ?? request.email
    let password = NormalizedPassword(request.newPassword)
    // Checked before any lookup, so that a refusal says nothing about the address.
    try passwordRules.check(password, email: emailKey, path: "new_password")
    let sealingKey = SealedBytes.key(
      purpose: "account recovery",
      secrets: [
        Array(emailKey.utf8), Array(request.recoveryCode.utf8), Array(request.newPassword.utf8), request.idempotencyKey,
      ])
    let found = try await lookUp(emailKey: email?.key ?? "", request.recoveryCode)
    context.principal = found.user.map { Principal(userID: $0.userID, deviceID: device.deviceID) }
    if let reply = replay(found, sealingKey, context) { return reply }
    let isRight = found.user != nil && found.code?.isUsed == false
    // Only a wrong code is counted for the person: 50 random bits need no limit that guesses from
    // elsewhere could exhaust for the owner.
    try await limiter.count(context, person: isRight ? nil : Array(emailKey.utf8))
    let sealedPassword = try await passwords.seal(
      password, of: found.user?.userID ?? .zero, as: limiter.unknownParty(context), on: context.loop)
    guard let user = found.user, isRight else { throw Self.refusal }
    guard user.lockedAt == nil else { throw Reason.accountLocked.status }
    let now = Instant.now()
    let issued = issuer.issue(to: user.userID, at: now)
    let (codeHash, userID) = (found.hash, user.userID)
    var account = user
    account.recoveryCodesLeft -= 1
    let isRecovered: Bool
    let response: RecoverAccountResponse
    do throws(StoreError) {
      let habitCount = try await store.habitCount(of: userID)
      response = RecoverAccountResponse(account: Account(account, habitCount: habitCount), tokens: issued.message)
      isRecovered = try await store.recover(
        CodeRecovery(
          userID: userID, codeHash: codeHash, sealedPassword: sealedPassword,
          sealedReply: SealedBytes.seal(response.protobufBytes(), key: sealingKey), device: device,
          credential: issued.credential, addressHash: limiter.addressHash(of: context, userID),
          auditEvent: AuditInterceptor.event(of: context, from: limiter.addresses),
          notice: user.emailVerifiedAt == nil ? nil : mail?.accountRecovered(by: device, at: now)), at: now)
    } catch {
      guard error == .noSuchUser else { throw error.refusal.status }
      context.principal = nil
      throw Self.refusal
    }
    guard isRecovered else {
      // Another call has used the code: perhaps the same request on another connection.
      let again = try await lookUp(emailKey: email?.key ?? "", request.recoveryCode)
      if let reply = replay(again, sealingKey, context) { return reply }
      throw Self.refusal
    }
    context.principal = Principal(userID: userID, deviceID: device.deviceID)
    context.hasRevokedTokens = true
    context.audit.isStored = true
    return response
  }

  private static var refusal: RPCStatus {
    Reason.signInRefused.status(saying: "Email and recovery code do not belong together, or the code was used.")
  }

  private struct Found {
    var user: UserRecord?
    var hash: [UInt8]
    var code: RecoveryCodeRecord?
  }

  /// An unknown address costs as many lookups as a known one.
  private func lookUp(emailKey: String, _ text: String) async throws(RPCStatus) -> Found {
    try await mappingStoreErrors { () throws(StoreError) in
      let userID = try await store.userID(emailKey: emailKey) ?? .zero
      let hash = RecoveryCode.hash(of: text, userID, by: store.serverKey)
      return Found(
        user: try await store.user(userID), hash: hash, code: try await store.recoveryCode(of: userID, hash: hash))
    }
  }

  /// The stored reply, if this request was answered before.
  private func replay(_ found: Found, _ sealingKey: Secret, _ context: ServerContext) -> RecoverAccountResponse? {
    guard let user = found.user, let sealed = found.code?.sealedReply,
      let bytes = SealedBytes.open(sealed, key: sealingKey),
      let reply = try? RecoverAccountResponse(protobufBytes: bytes)
    else { return nil }
    context.principal = Principal(userID: user.userID)
    context.audit.detail = "replayed=true"
    context.addTrailingMetadata(ReplyReplay.metadataName, "true")
    return reply
  }
}
