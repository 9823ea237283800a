internal import Postgres
package import struct StreakDomain.Identifier

extension StreakStore {
  /// Wrong codes after which a code is not accepted any more; its link still is.
  package static let wrongCodesMax: Int32 = 5

  /// SQL that ends the links and codes of mails of the user `$1`, but for links that take a former
  /// address back.
  static let endingLinks =
    "DELETE FROM mail_tokens WHERE user_id = $1 AND purpose <> \(MailTokenPurpose.takeBackAddress.rawValue)"

  static func inserting(_ token: NewMailToken, of userID: Identifier) -> BoundStatement {
    BoundStatement(
      statement: MailTokenColumn.insert, parameters: MailTokenColumn.inserted.map { $0.value(token, of: userID) })
  }

  /// An erasure locks the same rows first, so that nothing is added to an erased account. In the
  /// order of the ids, so that two transactions cannot deadlock.
  static let lockHeads = Statement(
    .write, "SELECT FROM heads WHERE user_id = ANY ($1) ORDER BY user_id FOR NO KEY UPDATE")

  /// Stores a proof and the mail that carries it. The statements are the same with and without an
  /// account, and with and without a recipient.
  ///
  /// - Parameters:
  ///   - userID: `.zero`: no account.
  ///   - recipient: Empty: nothing is sent.
  ///   - person: The person that asks for it; nil: no proof of the person is needed.
  ///   - event: The audit event of an operator that asks for it, stored with it.
  /// - Throws: `.concurrentChange` if the proof does not hold any more.
  package func storeProof(
    _ token: NewMailToken, _ mail: NewMail, about userID: Identifier, to recipient: String, language: String = "",
    by person: ProvenPerson? = nil, _ event: AuditEventRecord? = nil
  ) async throws(StoreError) {
    try await transaction { transaction throws(StoreError) in
      var batch = Batch()
      batch.append(Self.lockHeads, .identifiers([userID]))
      if let person {
        try await transaction.execute(batch)
        batch = Batch()
        try await Self.require(person, by: transaction)
      }
      batch.append(Self.inserting(token, of: userID))
      batch.append(Self.enqueueing(mail, about: userID, to: recipient, language: language))
      if let event { batch.append(Self.recordingAudit(event)) }
      try await transaction.execute(batch, commits: true)
      return .commit(())
    }
  }

  private static let consumeLink = Statement(
    .write,
    """
    DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND token_hash = $3 AND expires_at > now()
    RETURNING \(MailTokenColumn.consumed.list())
    """)

  private static let consumeCode = Statement(
    .write,
    """
    DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND code_hash = $3 AND expires_at > now()
      AND wrong_codes < $4 RETURNING \(MailTokenColumn.consumed.list())
    """)

  private static let noteWrongCode = Statement(
    .write, "UPDATE mail_tokens SET wrong_codes = wrong_codes + 1 WHERE user_id = $1 AND purpose = $2")

  /// Takes a proof, which works once.
  ///
  /// - Returns: Nil if there is none like it. A wrong code is counted: commit the transaction.
  static func consume(
    _ proof: PresentedProof, _ purpose: MailTokenPurpose, of userID: Identifier, by transaction: Transaction
  ) async throws(StoreError) -> ConsumedToken? {
    func read(_ row: borrowing Row) throws(DatabaseError) -> ConsumedToken {
      try row.consumedToken(MailTokenColumn.consumed)
    }
    switch proof {
    case .link(let hash):
      return try await transaction.row(
        consumeLink, .identifier(userID), .int32(purpose.rawValue), .bytes(hash), decode: read)
    case .code(let hash):
      let found = try await transaction.row(
        consumeCode, .identifier(userID), .int32(purpose.rawValue), .bytes(hash), .int32(wrongCodesMax), decode: read)
      if found == nil { try await transaction.execute(noteWrongCode, .identifier(userID), .int32(purpose.rawValue)) }
      return found
    }
  }

  private static let tokenAddress = Statement(
    .write,
    """
    SELECT email_key FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND $3 IN (token_hash, code_hash) LIMIT 1
    """)

  /// The address that a proof is about; nil if there is no such proof. It stays as it is: a row of
  /// this table is locked after those of `heads`.
  static func address(
    of proof: PresentedProof, _ purpose: MailTokenPurpose, of userID: Identifier, by transaction: Transaction
  ) async throws(StoreError) -> String? {
    let hash =
      switch proof {
      case .link(let hash), .code(let hash): hash
      }
    return try await transaction.row(
      tokenAddress, .identifier(userID), .int32(purpose.rawValue), .bytes(hash)
    ) { row throws(DatabaseError) in try row.string(0) }
  }

  private static let consumeSignUpCode = Statement(
    .write,
    """
    DELETE FROM mail_tokens WHERE user_id = '00000000-0000-0000-0000-000000000000' AND purpose = $1 AND email_key = $2
      AND code_hash = $3 AND expires_at > now() AND wrong_codes < $4
    """)

  private static let noteWrongSignUpCode = Statement(
    .write,
    """
    UPDATE mail_tokens SET wrong_codes = wrong_codes + 1
    WHERE user_id = '00000000-0000-0000-0000-000000000000' AND purpose = $1 AND email_key = $2
    """)

  /// Takes the code of an address without an account, which works once.
  ///
  /// - Returns: False if there is none like it. The wrong code is counted: commit the transaction.
  static func consumeSignUpCode(
    _ codeHash: [UInt8], of emailKey: String, by transaction: Transaction
  ) async throws(StoreError) -> Bool {
    let purpose = MailTokenPurpose.signUp.rawValue
    let count = try await transaction.execute(
      consumeSignUpCode, .int32(purpose), .string(emailKey), .bytes(codeHash), .int32(wrongCodesMax))
    if count == 0 { try await transaction.execute(noteWrongSignUpCode, .int32(purpose), .string(emailKey)) }
    return count > 0
  }

  private static let isTokenLiving = Statement(
    .read,
    "SELECT EXISTS (SELECT FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND token_hash = $3 AND expires_at > now())"
  )

  /// Whether a link's token would be accepted now, so that nothing costly is done for one that is
  /// not.
  package func isLiving(
    _ hash: [UInt8], _ purpose: MailTokenPurpose, of userID: Identifier
  ) async throws(StoreError) -> Bool {
    try await database.row(
      Self.isTokenLiving, .identifier(userID), .int32(purpose.rawValue), .bytes(hash)
    ) { row throws(DatabaseError) in try row.bool(0) } ?? false
  }
}
