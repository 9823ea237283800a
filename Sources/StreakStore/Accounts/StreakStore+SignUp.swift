internal import Postgres
public import StreakDomain

extension StreakStore {
  private static let insertEmail = Statement(
    .write, "INSERT INTO emails (email_key, user_id) VALUES ($1, $2) ON CONFLICT (email_key) DO NOTHING")

  private static let insertUser = Statement(
    .write,
    """
    INSERT INTO users (user_id, email, password_hash, created_at, sealed_sign_up) VALUES ($1, $2, $3, $4, $5)
    """)

  /// Makes an account with all its data, or nothing at all.
  ///
  /// The session is claimed first and the email second, in every sign-up, so that two of them cannot wait for each other.
  public func signUp(_ account: NewAccount) async throws(StoreError) -> SignUpOutcome {
    try await transaction { transaction throws(StoreError) in
      let outcome = try await store(account, by: transaction)
      return outcome == .signedUp ? .commit(outcome) : .rollBack(outcome)
    }
  }

  private func store(_ account: NewAccount, by transaction: Transaction) async throws(StoreError) -> SignUpOutcome {
    if let session = account.session {
      guard try await Self.claim(session, for: account.userID, at: account.createdAt, by: transaction) else {
        return .sessionChanged
      }
    }
    guard
      try await transaction.execute(Self.insertEmail, .string(account.emailKey), .identifier(account.userID)) == 1
    else { return .emailTaken }
    try await transaction.execute(
      Self.insertUser, .identifier(account.userID), .string(account.email), .string(account.passwordHash),
      .moment(account.createdAt), .bytes(account.sealedReply))
    try await Self.grantAccess(
      to: account.device, of: account.userID, account.credential, at: account.createdAt,
      devicesMax: limits.devicesPerPersonMax, isNewAccount: true, by: transaction)
    if let session = account.session {
      let person = LedgerPerson(account.userID, [], attempts: 0)
      person.ledger = session.ledger
      try await store(session.record, for: person, at: account.createdAt, by: transaction)
    }
    try await Self.recordAudit(account.auditEvent, by: transaction)
    return .signedUp
  }

  /// What a new account holds: nothing.
  public func emptyLedger() -> PersonLedger { PersonLedger(epoch: epoch, habitsMax: limits.habitsPerPersonMax) }
}
