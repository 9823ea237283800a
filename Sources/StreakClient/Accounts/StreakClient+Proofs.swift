internal import Cryptography
internal import Schema
internal import SchemaConversion
public import StreakDomain

/// What only the person knows.
public enum IdentityProof: Sendable {
  case password(String)
  /// The server accepts a recovery code once.
  case recoveryCode(String)

  var message: PersonProof {
    switch self {
    case .password(let password): PersonProof(proof: .password(password))
    case .recoveryCode(let code): PersonProof(proof: .recoveryCode(code))
    }
  }
}

/// The server's record of an account.
public struct AccountStatus: Equatable, Sendable {
  public var email: String
  public var createdAt: Instant
  /// Recovery codes that were not used yet.
  public var recoveryCodesLeft: Int
  /// When the account will be erased; nil: it will not.
  public var deletionAt: Instant?
}

/// Proofs of the person beyond a device's credentials.
extension StreakClient {
  /// The current account as the server has it.
  public func accountStatus() async throws(ClientError) -> AccountStatus {
    let userID = try currentUserID()
    let response = try await call(
      AccountServiceMethods.getAccount, GetAccountRequest(), GetAccountResponse.self, for: userID)
    let account = response.account ?? Account()
    try noteDeletion(account.deletionAt?.instant, of: userID)
    return AccountStatus(
      email: account.email, createdAt: account.createdAt?.instant ?? .epoch,
      recoveryCodesLeft: Int(account.recoveryCodesLeft), deletionAt: account.deletionAt?.instant)
  }

  /// Makes eight recovery codes; the former ones end. They are nowhere else: the person prints or
  /// stores them. If the answer is lost, the call is made again.
  ///
  /// - Parameter proof: Needed unless the person has proven the identity on this device within the
  ///   last five minutes: the error's reason is then `REAUTHENTICATION_REQUIRED`.
  public func createRecoveryCodes(proof: IdentityProof? = nil) async throws(ClientError) -> [String] {
    try await call(
      CredentialServiceMethods.createRecoveryCodes, CreateRecoveryCodesRequest(proof: proof?.message),
      CreateRecoveryCodesResponse.self, for: try currentUserID()
    ).recoveryCodes
  }

  /// Proves the person's identity on this device for five minutes.
  public func reauthenticate(_ proof: IdentityProof) async throws(ClientError) {
    _ = try await call(
      CredentialServiceMethods.reauthenticate, ReauthenticateRequest(proof: proof.message),
      ReauthenticateResponse.self, for: try currentUserID())
  }

  /// Signs in where the password is forgotten: with a recovery code, which is then used, and a new
  /// password. All other devices are signed out.
  ///
  /// If the answer is lost, even by a kill, the same call gives the same result.
  /// - Returns: How many codes are left.
  @discardableResult
  public func recoverAccount(
    email: String, code: String, newPassword: String
  ) async throws(ClientError) -> Int {
    // Both follow from the code, so that a repetition is the same request without a stored state. A
    // code is secret, and is used once.
    let seed = SHA256.digest(
      of: Array("streak.client.recovery\0\(email.lowercased())\0\(code)\0\(newPassword)".utf8))
    guard let newID = Identifier(Array(seed.prefix(16))) else { throw .failing("A hash has another size.") }
    func recover(as deviceID: Identifier) async throws(ClientError) -> Int {
      let request = RecoverAccountRequest(
        idempotencyKey: SHA256.digest(of: seed), email: email, recoveryCode: code, newPassword: newPassword,
        device: schemaDevice(deviceID))
      let response = try await call(CredentialServiceMethods.recoverAccount, request, RecoverAccountResponse.self)
      if try await enterAsFormerDevice(
        response.account, email: email, password: newPassword, insteadOf: deviceID) == nil
      {
        _ = try enter(response.account, response.tokens, as: deviceID, email: email)
      }
      return Int(response.account?.recoveryCodesLeft ?? 0)
    }
    if let deviceID = try knownDeviceID(of: email) { return try await recover(as: deviceID) }
    do throws(ClientError) {
      return try await recover(as: newID)
    } catch {
      // The device has given its id up since an attempt whose answer was lost: that was made with
      // it.
      guard error.reason == .signInRefused, let former = try knownDeviceID(of: email, isKept: false) else {
        throw error
      }
      return try await recover(as: former)
    }
  }

  /// Announces the deletion of the current account. Until the date everything goes on, every device
  /// tells the date (`AccountView.deletionAt`), and `cancelDeletion` takes it back.
  ///
  /// - Parameters:
  ///   - email: The account's address, as the person typed it.
  ///   - confirmation: `deletionPhrase`.
  ///   - proof: As for `createRecoveryCodes`.
  /// - Returns: When the account will be erased.
  public func announceDeletion(
    email: String, confirmation: String, proof: IdentityProof? = nil
  ) async throws(ClientError) -> Instant {
    let userID = try currentUserID()
    let response = try await call(
      AccountServiceMethods.deleteAccount,
      DeleteAccountRequest(email: email, confirmation: confirmation, proof: proof?.message),
      DeleteAccountResponse.self, for: userID)
    guard let date = response.deletionAt?.instant else { throw .failing("The answer has no date.") }
    try noteDeletion(date, of: userID)
    return date
  }

  /// Takes an announced deletion back.
  /// - Returns: Whether one was announced.
  @discardableResult
  public func cancelDeletion() async throws(ClientError) -> Bool {
    let userID = try currentUserID()
    let response = try await call(
      AccountServiceMethods.cancelDeletion, CancelDeletionRequest(), CancelDeletionResponse.self, for: userID)
    try noteDeletion(nil, of: userID)
    return response.wasAnnounced
  }

  /// Stores the date of the account's erasure, for the accounts' views.
  func noteDeletion(_ date: Instant?, of userID: Identifier) throws(ClientError) {
    let known = try store.read { state throws(ClientError) in state.accounts[userID]?.deletionAt }
    guard known != date?.wholeMilliseconds else { return }
    try store.change { state throws(ClientError) in
      _ = state.changeAccount(userID) { $0.deletionAt = date?.wholeMilliseconds }
    }
  }
}
