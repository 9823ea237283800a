internal import Postgres
public import struct StreakDomain.Identifier

extension StreakStore {
  private static let userByEmail = Statement(
    .read, "SELECT user_id FROM emails WHERE email_key = $1 AND reserved_until IS NULL")

  /// The user with an email, by its normalised form; nil if there is none.
  public func userID(emailKey: String) async throws(StoreError) -> Identifier? {
    try await database.row(Self.userByEmail, .string(emailKey)) { row throws(DatabaseError) in try row.identifier(0) }
  }

  static let userColumns = Selection(UserColumn.account)
  private static let userByID = Statement(
    .read,
    """
    SELECT \(userColumns.list(of: "u")), h.change_number,
      (SELECT count(*)::integer FROM recovery_codes c WHERE c.user_id = u.user_id AND c.used_at IS NULL)
    FROM users u JOIN heads h USING (user_id) WHERE user_id = $1
    """)

  /// A person's account; nil if there is none.
  public func user(_ userID: Identifier) async throws(StoreError) -> UserRecord? {
    try await database.row(Self.userByID, .identifier(userID)) { row throws(DatabaseError) in
      let columns = Self.userColumns
      return try row.user(
        columns, userID: userID, changeNumber: try row.int64(columns.end),
        recoveryCodesLeft: try row.int32(columns.end + 1))
    }
  }

  private static let sealedSignUp = Statement(.read, "SELECT sealed_sign_up FROM users WHERE user_id = $1")

  /// The sealed reply to the sign-up that made an account.
  public func sealedSignUp(_ userID: Identifier) async throws(StoreError) -> [UInt8]? {
    try await database.row(Self.sealedSignUp, .identifier(userID)) { row throws(DatabaseError) in try row.bytes(0) }
  }
}
