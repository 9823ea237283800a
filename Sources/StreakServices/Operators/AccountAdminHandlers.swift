internal import GRPCSchema
internal import Mail
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import StreakStore

/// Handles the operators' methods about accounts. Each call's event belongs to the person, with the
/// operator's name. One per loop.
struct AccountAdminHandlers: AccountAdminService {
  let store: StreakStore
  let exports: ExportHandlers
  let erasure: AccountErasure
  let limiter: RateLimiter
  /// Nil: the server sends no mails.
  let mail: MailOrders?

  func findAccount(
    _ request: FindAccountRequest, context: ServerContext
  ) async throws(RPCStatus) -> FindAccountResponse {
    let userID: Identifier?
    switch request.by {
    case .email(let text):
      userID = try await mappingStoreErrors { () throws(StoreError) in
        try await store.userID(emailKey: EmailAddress(text)?.key ?? "")
      }
    case .userId(let bytes): userID = try identifier(bytes, "user_id")
    case nil: userID = nil
    }
    let user = try await account(userID ?? .zero, context)
    let (habitCount, devices) = try await mappingStoreErrors { () throws(StoreError) in
      (try await store.habitCount(of: user.userID), try await store.devices(of: user.userID))
    }
    return FindAccountResponse(
      account: Account(user, habitCount: habitCount),
      lockedAt: user.lockedAt.map { GoogleProtobufTimestamp($0) }, devices: devices.map { SignedInDevice($0) })
  }

  func lockAccount(
    _ request: LockAccountRequest, context: ServerContext
  ) async throws(RPCStatus) -> LockAccountResponse {
    let user = try await account(try identifier(request.userId, "user_id"), context)
    let count = try await act(context) { event throws(StoreError) in
      try await store.lockAccount(user.userID, at: .now(), event)
    }
    return LockAccountResponse(devicesSignedOut: count)
  }

  func unlockAccount(
    _ request: UnlockAccountRequest, context: ServerContext
  ) async throws(RPCStatus) -> UnlockAccountResponse {
    let user = try await account(try identifier(request.userId, "user_id"), context)
    let wasLocked = try await act(context) { event throws(StoreError) in
      try await store.unlockAccount(user.userID, event)
    }
    return UnlockAccountResponse(wasLocked: wasLocked)
  }

  func signOutAccount(
    _ request: SignOutAccountRequest, context: ServerContext
  ) async throws(RPCStatus) -> SignOutAccountResponse {
    let user = try await account(try identifier(request.userId, "user_id"), context)
    let count = try await act(context) { event throws(StoreError) in
      try await store.signOutAccount(user.userID, event)
    }
    return SignOutAccountResponse(devicesSignedOut: count)
  }

  func startPasswordReset(
    _ request: StartPasswordResetRequest, context: ServerContext
  ) async throws(RPCStatus) -> StartPasswordResetResponse {
    let user = try await account(try identifier(request.userId, "user_id"), context)
    guard let orders = mail else { throw Reason.mailOff.status }
    guard user.emailVerifiedAt != nil, let address = EmailAddress(user.email), MailAddress(address.text) != nil else {
      throw Reason.mailOff.status(saying: "No mail has proved the account's address.")
    }
    try await limiter.countMail(to: address.key, context)
    let proof = orders.reset(of: user.email, address.key, for: user.userID)
    try await act(context) { event throws(StoreError) in
      try await store.storeProof(proof.token, proof.mail, about: user.userID, to: user.email, event)
    }
    return StartPasswordResetResponse()
  }

  func exportAccount(
    _ request: ExportAccountRequest, responses: ResponseWriter<ExportResponse>, context: ServerContext
  ) async throws(RPCStatus) {
    _ = try await account(try identifier(request.userId, "user_id"), context)
    // Before the first byte leaves. An export that fails has a second event, with its outcome.
    let event = AuditInterceptor.event(of: context, from: limiter.addresses)
    try await mappingStoreErrors { () throws(StoreError) in try await store.recordAudit(event) }
    try await exports.export(ExportRequest(format: request.format), responses: responses, context: context)
    context.audit.isStored = true
  }

  func eraseAccount(
    _ request: EraseAccountRequest, context: ServerContext
  ) async throws(RPCStatus) -> EraseAccountResponse {
    let caller = try context.caller()
    let user = try await account(try identifier(request.userId, "user_id"), context)
    guard let named = EmailAddress(request.email), named.key == EmailAddress(user.email)?.key else {
      throw Reason.invalidField("email", "must be the account's")
    }
    let now = Instant.now()
    // What is kept of an erasure must not lead to the person; the operator is named.
    var event = AuditInterceptor.event(of: context, from: limiter.addresses)
    (event.userID, event.deviceID, event.detail) = (nil, nil, "operator=\(caller.name)")
    guard try await erasure.perform(user.userID, at: now, event, on: context.loop) else {
      throw Reason.accountNotFound.status
    }
    context.principal = Principal(userID: user.userID)
    context.hasRevokedTokens = true
    context.audit.isStored = true
    return EraseAccountResponse(erasedAt: GoogleProtobufTimestamp(now))
  }

  // MARK: Helpers

  /// The account; from here on the call's event belongs to its person.
  private func account(_ userID: Identifier, _ context: ServerContext) async throws(RPCStatus) -> UserRecord {
    let caller = try context.caller()
    let user = try await mappingStoreErrors { () throws(StoreError) in try await store.user(userID) }
    guard let user else { throw Reason.accountNotFound.status }
    context.principal = Principal(userID: userID)
    context.audit.detail = "operator=\(caller.name)"
    return user
  }

  /// Makes a change of the account of the call, which stores the call's event with it.
  ///
  /// - Parameter change: Nil: there is no such account any more.
  private func act<Value>(
    _ context: ServerContext, _ change: (AuditEventRecord) async throws(StoreError) -> Value?
  ) async throws(RPCStatus) -> Value {
    let event = AuditInterceptor.event(of: context, from: limiter.addresses)
    let value = try await mappingStoreErrors { () throws(StoreError) in try await change(event) }
    guard let value else { throw Reason.accountNotFound.status }
    context.audit.isStored = true
    context.hasRevokedTokens = true
    return value
  }
}
