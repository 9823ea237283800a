internal import Postgres
internal import StreakDomain

/// The columns of `users`.
enum UserColumn: Int, TableColumn {
  case userID, email, sealedPassword, createdAt, emailVerifiedAt, language, sealedSignUp, deletionAt, lockedAt

  /// The columns of an account's record.
  static let account: [UserColumn] = allCases.filter { $0 != .userID && $0 != .sealedSignUp }
  /// The columns that are stored with a sign-up.
  static let inserted: [UserColumn] = allCases.filter { $0 != .deletionAt && $0 != .lockedAt }

  /// The value to insert.
  func value(_ account: NewAccount) -> PostgresValue {
    switch self {
    case .userID: .identifier(account.userID)
    case .email: .string(account.email)
    case .sealedPassword: .bytes(account.sealedPassword)
    case .createdAt: .instant(account.createdAt)
    case .emailVerifiedAt: .instant(account.addressCodeHash == nil ? nil : account.createdAt)
    case .language: .string(account.language)
    case .sealedSignUp: .bytes(account.sealedReply)
    case .deletionAt, .lockedAt: .instant(nil)
    }
  }
}

extension Row {
  /// Decodes `UserColumn.account`, and the values that other tables have.
  func user(
    _ at: Selection<UserColumn>, userID: Identifier, changeNumber: Int64, recoveryCodesLeft: Int32
  ) throws(DatabaseError) -> UserRecord {
    UserRecord(
      userID: userID, email: try string(at[.email]), sealedPassword: try bytes(at[.sealedPassword]),
      createdAt: try instant(at[.createdAt]), changeNumber: changeNumber,
      emailVerifiedAt: try instantOrNull(at[.emailVerifiedAt]), language: try string(at[.language]),
      recoveryCodesLeft: recoveryCodesLeft, deletionAt: try instantOrNull(at[.deletionAt]),
      lockedAt: try instantOrNull(at[.lockedAt]))
  }
}
