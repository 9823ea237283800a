internal import Schema
internal import StreakDomain

/// Changes to the account itself.
extension StreakClient {
  /// The text with which a person confirms the deletion of the account; an app may show it in
  /// another language.
  public static let deletionPhrase = "delete my account"

  /// Changes the password of the current account. This device stays signed in with new credentials;
  /// all other devices are signed out. If the answer is lost, this device signs in with the new
  /// password.
  /// - Returns: The number of devices signed out.
  @discardableResult
  public func changePassword(from password: String, to newPassword: String) async throws(ClientError) -> Int {
    let request = ChangePasswordRequest(password: password, newPassword: newPassword)
    let userID = try currentUserID()
    let response = try await call(
      AccountServiceMethods.changePassword, request, ChangePasswordResponse.self, for: userID)
    if let tokens = response.tokens {
      try store.change { state throws(ClientError) in
        _ = state.changeAccount(userID) { $0.credentials = .init(tokens) }
      }
    }
    return Int(response.devicesSignedOut)
  }

  /// Deletes the current account and all its data at once, on the server and on this device; see
  /// `announceDeletion` for a deletion that can be taken back. If the answer is lost, the same call
  /// again completes the deletion.
  ///
  /// - Parameters:
  ///   - email: The account's address, as the person typed it.
  ///   - confirmation: `deletionPhrase`.
  ///   - proof: The password, or a recovery code.
  public func deleteAccount(
    email: String, confirmation: String, proof: IdentityProof
  ) async throws(ClientError) {
    let userID = try currentUserID()
    let request = DeleteAccountRequest(
      email: email, confirmation: confirmation, immediately: true, proof: proof.message)
    do throws(ClientError) {
      _ = try await call(AccountServiceMethods.deleteAccount, request, DeleteAccountResponse.self, for: userID)
    } catch .accountErased {
      // An earlier call, whose answer was lost, has deleted it.
    }
    try store.change { state throws(ClientError) in state.dropAccount(userID) }
    currentHasChanged()
  }
}
