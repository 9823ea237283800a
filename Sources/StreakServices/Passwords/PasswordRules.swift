internal import RPC

/// What a new password must not be. Its length is the schema's matter.
struct PasswordRules: Sendable {
  let breached: BreachedPasswords

  /// - Throws: `PASSWORD_TOO_COMMON`, naming the field at `path`.
  func check(_ password: String, email: String, path: String) throws(RPCStatus) {
    let lowered = password.lowercased()
    let name = email.lowercased().split(separator: "@").first.map(String.init) ?? ""
    guard lowered != email.lowercased(), lowered != name, !breached.holds(password) else {
      throw Refusal.passwordTooCommon.naming(path, "is among those that are guessed first")
    }
  }
}
