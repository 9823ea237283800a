internal import Schema
internal import SchemaConversion
public import StreakDomain

/// A sign-in of this device that waits for the approval of another one.
public struct PendingSignIn: Equatable, Sendable {
  public var email: String
  /// Six digits, which the other device shows too.
  public var digits: String
  public var expiresAt: Instant
  let requestID: [UInt8]
  let secret: [UInt8]
  let deviceID: Identifier
}

/// A device that asks to be signed in to the current account.
public struct SignInRequestView: Equatable, Sendable {
  public var id: Identifier
  /// The digits that the asking device shows.
  public var digits: String
  public var deviceName: String
  public var platform: String
  /// The network address that it asks from.
  public var address: String
  public var requestedAt: Instant
}

/// Signing in by the approval of another device, where the password is forgotten.
extension StreakClient {
  /// The outcome of a look at a pending sign-in.
  public enum SignInProgress: Equatable, Sendable {
    case pending
    case signedIn
    /// It was not approved in time, or was denied.
    case ended
  }

  /// Milliseconds between two looks.
  public static let signInPollMilliseconds: Int64 = 2_000

  /// Asks the account's signed-in devices to sign this one in. The answer is the same for an
  /// address without an account.
  public func requestSignIn(email: String) async throws(ClientError) -> PendingSignIn {
    let deviceID = try knownDeviceID(of: email) ?? .random()
    let response = try await call(
      CredentialServiceMethods.requestSignInApproval,
      RequestSignInApprovalRequest(email: email, device: schemaDevice(deviceID)), RequestSignInApprovalResponse.self)
    return PendingSignIn(
      email: email, digits: response.digits, expiresAt: response.expiresAt?.instant ?? .epoch,
      requestID: response.requestId, secret: response.requestSecret, deviceID: deviceID)
  }

  /// Looks whether a sign-in was approved; then this device is signed in.
  public func checkSignIn(_ pending: PendingSignIn) async throws(ClientError) -> SignInProgress {
    let response = try await call(
      CredentialServiceMethods.getSignInApproval,
      GetSignInApprovalRequest(requestId: pending.requestID, requestSecret: pending.secret),
      GetSignInApprovalResponse.self)
    switch response.state {
    case .pending: return .pending
    case .approved:
      _ = try enter(response.account, response.tokens, as: pending.deviceID, email: pending.email)
      return .signedIn
    case .ended: return .ended
    default: throw .failing("It answers with a state that this version of the app does not know.")
    }
  }

  /// Waits until a sign-in is approved or has ended.
  public func waitForSignIn(_ pending: PendingSignIn) async throws(ClientError) -> SignInProgress {
    while true {
      let progress = try await checkSignIn(pending)
      guard progress == .pending else { return progress }
      await clock.sleep(milliseconds: Self.signInPollMilliseconds)
      guard !Task.isCancelled else { return .pending }
    }
  }

  /// Devices that ask to be signed in to the current account, the latest first.
  public func signInRequests() async throws(ClientError) -> [SignInRequestView] {
    let response = try await call(
      CredentialServiceMethods.listSignInApprovals, ListSignInApprovalsRequest(), ListSignInApprovalsResponse.self,
      for: try currentUserID())
    return response.requests.compactMap { request in
      guard let id = Identifier(request.requestId) else { return nil }
      return SignInRequestView(
        id: id, digits: request.digits, deviceName: request.device?.name ?? "",
        platform: request.device?.platform ?? "", address: request.address,
        requestedAt: request.requestedAt?.instant ?? .epoch)
    }
  }

  /// Signs the asking device in. The person has compared the digits.
  public func approveSignIn(_ request: SignInRequestView) async throws(ClientError) {
    _ = try await call(
      CredentialServiceMethods.approveSignIn,
      ApproveSignInRequest(requestId: request.id.bytes, digits: request.digits), ApproveSignInResponse.self,
      for: try currentUserID())
  }

  /// Refuses the asking device, which does not learn of it.
  public func denySignIn(_ request: SignInRequestView) async throws(ClientError) {
    _ = try await call(
      CredentialServiceMethods.denySignIn, DenySignInRequest(requestId: request.id.bytes), DenySignInResponse.self,
      for: try currentUserID())
  }
}
