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

/// Signing a device in by the approval of another one that is signed in.
///
/// A request for an unknown email is stored like any other. The requesting device does not learn of
/// a denial, it sees the request end: so its answers never reveal whether an email has an account.
struct SignInApprovalProcedure: Sendable {
  /// How long a request waits for its decision, and an approved one for its completion, in seconds.
  static let secondsMax: Int64 = 300
  /// Open requests in a list.
  static let listedMax: Int32 = 20
  /// The size of the secret that the requesting device holds, in bytes.
  static let secretByteCount = 32

  let store: StreakStore
  let issuer: TokenIssuer
  let limiter: RateLimiter
  /// Nil: the server sends no mails.
  let mail: MailOrders?

  func request(
    _ request: RequestSignInApprovalRequest, context: ServerContext
  ) async throws(RPCStatus) -> RequestSignInApprovalResponse {
    let device = try DeviceRecord(request.device, path: "device")
    let email = EmailAddress(request.email)
    try await limiter.count(context, person: Array((email?.key ?? request.email).utf8))
    let secret = randomBytes(count: Self.secretByteCount)
    let number = UInt32.random(in: 0..<1_000_000)
    let digits = String("00000\(number)".suffix(6))
    let now = Instant.now()
    let record = SignInApprovalRecord(
      requestID: .random(),
      userID: try await mappingStoreErrors { () throws(StoreError) in
        try await store.userID(emailKey: email?.key ?? "")
      } ?? .zero, secretHash: SHA256.digest(of: secret), digits: digits, device: device,
      peerAddress: limiter.addresses.text(of: context), requestedAt: now,
      expiresAt: now.advanced(bySeconds: Self.secondsMax))
    if record.userID != .zero { context.principal = Principal(userID: record.userID, deviceID: device.deviceID) }
    try await mappingStoreErrors { () throws(StoreError) in try await store.requestSignIn(record) }
    return RequestSignInApprovalResponse(
      requestId: record.requestID.bytes, requestSecret: secret, digits: digits,
      expiresAt: GoogleProtobufTimestamp(record.expiresAt))
  }

  func get(
    _ request: GetSignInApprovalRequest, context: ServerContext
  ) async throws(RPCStatus) -> GetSignInApprovalResponse {
    let requestID = try identifier(request.requestId, "request_id")
    let now = Instant.now()
    // Read again if another call completes it meanwhile.
    for _ in 0..<2 {
      let found = try await mappingStoreErrors { () throws(StoreError) in try await store.signInApproval(requestID) }
      guard let found, equalInConstantTime(found.secretHash, SHA256.digest(of: request.requestSecret)) else {
        throw Reason.signInApprovalNotFound.status
      }
      let key = SealedBytes.key(purpose: "sign-in approval", secrets: [found.requestID.bytes, request.requestSecret])
      if let sealed = found.sealedReply, let bytes = SealedBytes.open(sealed, key: key),
        let reply = try? GetSignInApprovalResponse(protobufBytes: bytes)
      {
        return reply
      }
      guard now < found.expiresAt else { return GetSignInApprovalResponse(state: .ended) }
      guard found.isApproved == true else { return GetSignInApprovalResponse(state: .pending) }
      if let reply = try await complete(found, key, context, at: now) { return reply }
    }
    throw Reason.concurrentChange.status
  }

  /// - Returns: Nil if another call has completed it.
  private func complete(
    _ found: SignInApprovalRecord, _ key: Secret, _ context: ServerContext, at now: Instant
  ) async throws(RPCStatus) -> GetSignInApprovalResponse? {
    let userID = found.userID
    context.principal = Principal(userID: userID, deviceID: found.device.deviceID)
    context.audit.detail = "approval=\(found.requestID)"
    let issued = issuer.issue(to: userID, at: now)
    let response: GetSignInApprovalResponse
    let isCompleted: Bool
    do throws(StoreError) {
      guard let user = try await store.user(userID) else { throw StoreError.noSuchUser }
      let account = Account(user, habitCount: try await store.habitCount(of: userID))
      response = GetSignInApprovalResponse(state: .approved, account: account, tokens: issued.message)
      let addressHash = limiter.addressHash(of: context, userID)
      let origin = try await store.signInOrigin(of: userID, deviceID: found.device.deviceID, addressHash: addressHash)
      let isNotified = origin != .knownDevice && user.emailVerifiedAt != nil
      isCompleted = try await store.completeSignIn(
        ApprovedSignIn(
          requestID: found.requestID, userID: userID,
          sealedReply: SealedBytes.seal(response.protobufBytes(), key: key), device: found.device,
          credential: issued.credential, addressHash: addressHash,
          auditEvent: AuditInterceptor.event(of: context, from: limiter.addresses),
          notice: isNotified ? mail?.newDevice(found.device, at: now) : nil), at: now)
    } catch {
      guard error == .noSuchUser else { throw error.refusal.status }
      return GetSignInApprovalResponse(state: .ended)
    }
    return isCompleted ? response : nil
  }

  func list(of principal: Principal) async throws(RPCStatus) -> ListSignInApprovalsResponse {
    let open = try await mappingStoreErrors { () throws(StoreError) in
      try await store.openSignInApprovals(of: principal.userID, at: .now(), countMax: Self.listedMax)
    }
    return ListSignInApprovalsResponse(
      requests: open.map { SignInApproval($0) })
  }

  func decide(
    _ id: [UInt8], isApproved: Bool, digits: String?, context: ServerContext
  ) async throws(RPCStatus) {
    let principal = try context.user()
    guard let deviceID = principal.deviceID else { throw Reason.credentialsInvalid.status }
    let requestID = try identifier(id, "request_id")
    context.audit.detail = "approval=\(requestID)"
    let (userID, now) = (principal.userID, Instant.now())
    let isDecided = try await mappingStoreErrors { () throws(StoreError) in
      try await store.decideSignIn(
        requestID, of: userID, by: deviceID, isApproved: isApproved, digits: digits, at: now,
        expiresAt: now.advanced(bySeconds: Self.secondsMax))
    }
    guard isDecided else { throw Reason.signInApprovalNotFound.status }
  }
}
