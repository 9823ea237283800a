internal import Postgres
public import struct StreakDomain.Identifier

extension StreakStore {
  private static let userByEmail = Statement(
    .read, "SELECT user_id FROM emails WHERE email_key = $1 AND reserved_until IS NULL")

  /// The user with an email, by its normalised form; nil if there is none.
  public func userID(emailKey: String) async throws(StoreError) -> Identifier? {
    try await database.row(Self.userByEmail, .string(emailKey)) { row throws(DatabaseError) in try row.identifier(0) }
  }

  private static let userByID = Statement(
    .read,
    """
    SELECT email, password_hash, created_at, change_number, email_verified_at, language, deletion_at,
      (SELECT count(*)::integer FROM recovery_codes c WHERE c.user_id = users.user_id AND used_at IS NULL), locked_at
    FROM users JOIN heads USING (user_id) WHERE user_id = $1
    """)

  /// A person's account; nil if there is none.
  public func user(_ userID: Identifier) async throws(StoreError) -> UserRecord? {
    try await database.row(Self.userByID, .identifier(userID)) { row throws(DatabaseError) in
      UserRecord(
        userID: userID, email: try row.string(0), passwordHash: try row.string(1), createdAt: try row.instant(2),
        changeNumber: try row.int64(3), emailVerifiedAt: try row.instantOrNull(4), language: try row.string(5),
        recoveryCodesLeft: try row.int32(7), deletionAt: try row.instantOrNull(6), lockedAt: try row.instantOrNull(8))
    }
  }

  private static let sealedSignUp = Statement(.read, "SELECT sealed_sign_up FROM users WHERE user_id = $1")

  /// The sealed reply to the sign-up that made an account.
  public func sealedSignUp(_ userID: Identifier) async throws(StoreError) -> [UInt8]? {
    try await database.row(Self.sealedSignUp, .identifier(userID)) { row throws(DatabaseError) in try row.bytes(0) }
  }
}
