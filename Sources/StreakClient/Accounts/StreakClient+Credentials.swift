internal import Schema
internal import StreakDomain

/// What the person decides about the account itself.
extension StreakClient {
  /// What the person confirms to delete the account; an app may show it in their language.
  public static let deletionPhrase = "delete my account"

  /// Changes the password of the account in use. This device stays signed in with new credentials,
  /// every other one is signed out. If the answer is lost, this device signs in with the new
  /// password.
  /// - Returns: How many devices were signed out.
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

  /// Deletes the account in use, with everything that belongs to it, on the server and on this
  /// device. If the answer is lost, the same call again finishes it.
  ///
  /// - Parameters:
  ///   - email: The account's, as the person typed it.
  ///   - confirmation: `deletionPhrase`.
  public func deleteAccount(email: String, confirmation: String) async throws(ClientError) {
    let userID = try currentUserID()
    let request = DeleteAccountRequest(email: email, confirmation: confirmation)
    do throws(ClientError) {
      _ = try await call(AccountServiceMethods.deleteAccount, request, DeleteAccountResponse.self, for: userID)
    } catch .accountErased {
      // By an earlier call whose answer was lost.
    }
    try store.change { state throws(ClientError) in state.dropAccount(userID) }
    currentHasChanged()
  }
}
