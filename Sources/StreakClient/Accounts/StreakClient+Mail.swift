internal import Schema
internal import SchemaConversion

/// What mails prove: the address of an account, and that a person who forgot the password is its
/// owner. A server that sends no mails refuses all of this with `MAIL_OFF`.
extension StreakClient {
  /// Has a code and a link mailed to the current account's address, which prove that the person
  /// reads mail there. Only with a proved address can a forgotten password be replaced.
  ///
  /// - Returns: False if the address is proved already: no mail was sent.
  @discardableResult
  public func requestVerification() async throws(ClientError) -> Bool {
    let response = try await call(
      AccountServiceMethods.requestVerification, RequestVerificationRequest(), RequestVerificationResponse.self,
      for: try currentUserID())
    return !response.verified
  }

  /// Has a code and a link mailed to a new address; the account has it after `verifyAddress`.
  ///
  /// - Parameter proof: As for `createRecoveryCodes`.
  public func requestAddressChange(to email: String, proof: IdentityProof? = nil) async throws(ClientError) {
    _ = try await call(
      AccountServiceMethods.requestAddressChange, RequestAddressChangeRequest(email: email, proof: proof?.message),
      RequestAddressChangeResponse.self, for: try currentUserID())
  }

  /// Proves an address by the code, the link or the link's token of a mail.
  ///
  /// - Returns: The account's address.
  @discardableResult
  public func verifyAddress(_ proof: String) async throws(ClientError) -> String {
    let userID = try currentUserID()
    let response = try await call(
      AccountServiceMethods.verifyAddress, VerifyAddressRequest(proof: Self.token(inLink: proof)),
      VerifyAddressResponse.self, for: userID)
    let email = response.account?.email ?? ""
    if !email.isEmpty {
      try store.change { state throws(ClientError) in _ = state.changeAccount(userID) { $0.email = email } }
    }
    return email
  }

  /// Has a link mailed that replaces a forgotten password, if an account has proved the address.
  /// The answer does not say whether one has.
  public func requestPasswordReset(of email: String) async throws(ClientError) {
    _ = try await call(
      AccountServiceMethods.requestPasswordReset, RequestPasswordResetRequest(email: email),
      RequestPasswordResetResponse.self)
  }

  /// Replaces the password by the link of a mail. Every device is signed out; sign in with the new
  /// password afterwards.
  ///
  /// - Returns: The number of devices signed out.
  @discardableResult
  public func resetPassword(_ link: String, to newPassword: String) async throws(ClientError) -> Int {
    let response = try await call(
      AccountServiceMethods.resetPassword,
      ResetPasswordRequest(token: Self.token(inLink: link), newPassword: newPassword), ResetPasswordResponse.self)
    return Int(response.devicesSignedOut)
  }

  /// Takes an account back whose address was changed without the person, by the link of the mail
  /// that announced the change. Every device is signed out; sign in with the former address and the
  /// new password.
  ///
  /// - Returns: The number of devices signed out.
  @discardableResult
  public func takeBackAddress(_ link: String, newPassword: String) async throws(ClientError) -> Int {
    let response = try await call(
      AccountServiceMethods.takeBackAddress,
      TakeBackAddressRequest(token: Self.token(inLink: link), newPassword: newPassword), TakeBackAddressResponse.self)
    return Int(response.devicesSignedOut)
  }

  /// Has a code mailed for `signUp(email:password:addressCode:)`.
  public func requestSignUpCode(to email: String) async throws(ClientError) {
    _ = try await call(
      AccountServiceMethods.requestSignUpCode, RequestSignUpCodeRequest(email: email, language: device.language),
      RequestSignUpCodeResponse.self)
  }

  /// The token in a link of a mail; a code or a token as it is.
  static func token(inLink text: String) -> String {
    guard text.contains("#"), let sign = text.lastIndex(of: "=") else { return text }
    return String(text[text.index(after: sign)...])
  }
}
