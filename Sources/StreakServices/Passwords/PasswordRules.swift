internal import RPC
internal import enum StreakDomain.Reason

/// The rules for a new password. The schema limits its length.
struct PasswordRules: Sendable {
  /// The fewest bytes of a password once it is normalized; the schema asks for as many in the
  /// request.
  static let bytesMin = 8

  let breached: BreachedPasswords

  /// - Throws: `INVALID_FIELD` or `PASSWORD_TOO_COMMON`, naming the field at `path`.
  func check(_ password: NormalizedPassword, email: String, path: String) throws(RPCStatus) {
    guard password.byteCount >= Self.bytesMin else {
      throw Reason.invalidField(path, "must have \(Self.bytesMin) bytes or more when normalized")
    }
    // Invisible characters make no password less common.
    let text = String(
      String.UnicodeScalarView(password.text.unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint }))
    let lowered = text.lowercased()
    let name = email.lowercased().split(separator: "@").first.map(String.init) ?? ""
    guard lowered != email.lowercased(), lowered != name, !breached.holds(text) else {
      throw Reason.passwordTooCommon.naming(path, "is among those that are guessed first")
    }
  }
}
