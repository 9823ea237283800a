internal import Cryptography
internal import Mail
internal import RPC
internal import Schema
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// What a link of a mail does without a sign-in.
extension AccountHandlers {
  func requestPasswordReset(
    _ request: RequestPasswordResetRequest, context: ServerContext
  ) async throws(RPCStatus) -> RequestPasswordResetResponse {
    let orders = try orders
    // A text that is not an email address is answered like an unknown address.
    let key = EmailAddress(request.email)?.key ?? request.email
    let user = try await holder(of: key)
    context.principal = user.map { Principal(userID: $0.userID) }
    try await limiter.count(context, person: Array(key.utf8), mailTo: key)
    // An unverified address resets nothing. The same work and the same statements for all: without
    // a recipient the rows belong to no account, and nothing is sent.
    let recipient = user.flatMap { $0.emailVerifiedAt == nil || MailAddress($0.email) == nil ? nil : $0 }
    let userID = recipient?.userID ?? .zero
    let proof = orders.reset(of: recipient?.email ?? "", recipient == nil ? "" : key, for: userID)
    try await mappingStoreErrors { () throws(StoreError) in
      try await store.storeProof(proof.token, proof.mail, about: userID, to: recipient?.email ?? "")
    }
    return RequestPasswordResetResponse()
  }

  func resetPassword(
    _ request: ResetPasswordRequest, context: ServerContext
  ) async throws(RPCStatus) -> ResetPasswordResponse {
    let orders = try orders
    let (link, sealedPassword) = try await newPassword(
      request.newPassword, by: request.token, .reset, .resetPassword, context)
    let notice = orders.passwordChanged(at: .now())
    let count = try await mappingStoreErrors { () throws(StoreError) in
      try await store.resetPassword(of: link.userID, by: link.hash, to: sealedPassword, notice: notice)
    }
    return ResetPasswordResponse(devicesSignedOut: try signedOut(count, link.userID, context))
  }

  func takeBackAddress(
    _ request: TakeBackAddressRequest, context: ServerContext
  ) async throws(RPCStatus) -> TakeBackAddressResponse {
    let orders = try orders
    let (link, sealedPassword) = try await newPassword(
      request.newPassword, by: request.token, .takeback, .takeBackAddress, context)
    let notice = orders.passwordChanged(at: .now())
    let count = try await mappingStoreErrors { () throws(StoreError) in
      try await store.takeBackAddress(of: link.userID, by: link.hash, to: sealedPassword, notice: notice)
    }
    return TakeBackAddressResponse(devicesSignedOut: try signedOut(count, link.userID, context))
  }

  /// Checks a link and a password before the costly hash is computed, and computes it.
  private func newPassword(
    _ password: String, by token: String, _ kind: OpaqueToken.Kind, _ purpose: MailTokenPurpose,
    _ context: ServerContext
  ) async throws(RPCStatus) -> (link: (userID: Identifier, hash: [UInt8]), sealedPassword: [UInt8]) {
    guard let link = MailOrders.link(token, kind) else { throw Reason.mailProofInvalid.status }
    let isLiving = try await mappingStoreErrors { () throws(StoreError) in
      try await store.isLiving(link.hash, purpose, of: link.userID)
    }
    guard isLiving else { throw Reason.mailProofInvalid.status }
    context.principal = Principal(userID: link.userID)
    let user = try await account(link.userID)
    let normalized = NormalizedPassword(password)
    try passwordRules.check(normalized, email: user.email, path: "new_password")
    let party = FairQueue.Party(isKnown: true, name: link.userID.bytes)
    return (link, try await passwords.seal(normalized, of: link.userID, as: party, on: context.loop))
  }

  private func signedOut(_ count: Int32?, _ userID: Identifier, _ context: ServerContext) throws(RPCStatus) -> Int32 {
    // Another call has used the link meanwhile.
    guard let count else { throw Reason.mailProofInvalid.status }
    context.principal = Principal(userID: userID)
    context.hasRevokedTokens = true
    return count
  }
}
