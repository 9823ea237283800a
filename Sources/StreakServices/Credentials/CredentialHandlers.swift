internal import GRPCSchema
internal import RPC
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.Instant
internal import enum StreakDomain.Reason
internal import struct StreakDomain.RecoveryCode
internal import StreakStore

/// Handles the methods about proofs beyond the password. One per loop.
struct CredentialHandlers: CredentialService {
  let store: StreakStore
  let recovery: RecoveryProcedure
  let proofs: PersonProofCheck
  let approvals: SignInApprovalProcedure
  /// Nil: the server sends no mails.
  let mail: MailOrders?

  func createRecoveryCodes(
    _ request: CreateRecoveryCodesRequest, context: ServerContext
  ) async throws(RPCStatus) -> CreateRecoveryCodesResponse {
    let principal = try context.user()
    let user = try await user(of: principal)
    let person = try await proofs.require(request.proof, of: user, by: principal, context: context)
    let codes = RecoveryCode.make(for: user.userID, by: store.serverKey)
    let now = Instant.now()
    try await mappingStoreErrors { () throws(StoreError) in
      try await store.replaceRecoveryCodes(
        of: person, by: codes.hashes, at: now,
        notice: user.emailVerifiedAt == nil ? nil : mail?.recoveryCodesMade(at: now))
    }
    return CreateRecoveryCodesResponse(recoveryCodes: codes.texts)
  }

  func reauthenticate(
    _ request: ReauthenticateRequest, context: ServerContext
  ) async throws(RPCStatus) -> ReauthenticateResponse {
    let principal = try context.user()
    guard let deviceID = principal.deviceID, let proof = request.proof else { throw Reason.credentialsInvalid.status }
    let user = try await user(of: principal)
    try await proofs.check(proof, of: user, context: context)
    let now = Instant.now()
    try await mappingStoreErrors { () throws(StoreError) in
      try await store.noteProof(of: user.userID, on: deviceID, at: now)
    }
    return ReauthenticateResponse(
      provenUntil: GoogleProtobufTimestamp(now.advanced(bySeconds: PersonProofCheck.secondsMax)))
  }

  func recoverAccount(
    _ request: RecoverAccountRequest, context: ServerContext
  ) async throws(RPCStatus) -> RecoverAccountResponse {
    try await recovery.run(request, context: context)
  }

  func requestSignInApproval(
    _ request: RequestSignInApprovalRequest, context: ServerContext
  ) async throws(RPCStatus) -> RequestSignInApprovalResponse {
    try await approvals.request(request, context: context)
  }

  func getSignInApproval(
    _ request: GetSignInApprovalRequest, context: ServerContext
  ) async throws(RPCStatus) -> GetSignInApprovalResponse {
    try await approvals.get(request, context: context)
  }

  func listSignInApprovals(
    _ request: ListSignInApprovalsRequest, context: ServerContext
  ) async throws(RPCStatus) -> ListSignInApprovalsResponse {
    try await approvals.list(of: try context.user())
  }

  func approveSignIn(
    _ request: ApproveSignInRequest, context: ServerContext
  ) async throws(RPCStatus) -> ApproveSignInResponse {
    try await approvals.decide(request.requestId, isApproved: true, digits: request.digits, context: context)
    return ApproveSignInResponse()
  }

  func denySignIn(
    _ request: DenySignInRequest, context: ServerContext
  ) async throws(RPCStatus) -> DenySignInResponse {
    try await approvals.decide(request.requestId, isApproved: false, digits: nil, context: context)
    return DenySignInResponse()
  }

  private func user(of principal: Principal) async throws(RPCStatus) -> UserRecord {
    let user = try await mappingStoreErrors { () throws(StoreError) in try await store.user(principal.userID) }
    guard let user else { throw try await store.refusalOfUnknownToken(of: principal.userID) }
    return user
  }
}
