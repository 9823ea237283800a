internal import Postgres
package import StreakDomain

/// What became of a proof of an address.
package enum AddressOutcome: Sendable, Equatable {
  /// The account's address is verified.
  case verified
  /// The account has the address of the proof now, verified.
  case changed
  /// The address is another account's, which has proved it, or may take it back.
  case taken
  /// The proof is unknown, used or expired.
  case proofInvalid
}

/// The address of an account: its proof, its change, and its way back.
extension StreakStore {
  /// How long a changed address can be taken back, in days.
  package static let takeBackDays: Int32 = 7

  private static let holder = Statement(
    .read, "SELECT user_id, reserved_until IS NOT NULL, reserved_until < now() FROM emails WHERE email_key = $1")
  private static let lockedHolder = Statement(
    .write,
    "SELECT user_id, reserved_until IS NOT NULL, reserved_until < now() FROM emails WHERE email_key = $1 FOR UPDATE")
  private static let isVerified = Statement(
    .write, "SELECT email_verified_at IS NOT NULL FROM users WHERE user_id = $1")
  private static let take = Statement(.write, EmailColumn.assign())
  private static let removeAddress = Statement(
    .write, "UPDATE users SET email = '', email_verified_at = NULL WHERE user_id = $1")
  private static let removeTokensOfAddress = Statement(
    .write, "DELETE FROM mail_tokens WHERE user_id = $1 AND email_key = $2")

  /// The account that has an address.
  private struct Holder: Equatable {
    var userID: Identifier
    var isReserved: Bool
    var isReservationOver: Bool

    init(_ row: borrowing Row) throws(DatabaseError) {
      userID = try row.identifier(0)
      isReserved = try row.bool(1)
      isReservationOver = try row.boolOrNull(2) ?? false
    }
  }

  /// Gives an address to an account that has proved it. An account that has it without having
  /// proved it keeps all its data, and needs another address.
  ///
  /// - Parameter yielded: The audit event of the account that loses the address, but for its user.
  /// - Returns: Whether the address was free, the account's own, or unproved.
  static func take(
    _ emailKey: String, for userID: Identifier, yielded: AuditEventRecord, by transaction: Transaction
  ) async throws(StoreError) -> Bool {
    let seen = try await transaction.row(holder, .string(emailKey)) { row throws(DatabaseError) in try Holder(row) }
    try await transaction.execute(lockHeads, .identifiers([userID] + (seen.map { [$0.userID] } ?? [])))
    let locked = try await transaction.row(lockedHolder, .string(emailKey)) { row throws(DatabaseError) in
      try Holder(row)
    }
    guard locked?.userID == seen?.userID else { throw .concurrentChange }
    if let locked, locked.userID != userID, !locked.isReservationOver {
      let isProved = try await transaction.row(isVerified, .identifier(locked.userID)) { row throws(DatabaseError) in
        try row.bool(0)
      }
      guard !locked.isReserved, isProved == false else { return false }
      try await transaction.execute(removeAddress, .identifier(locked.userID))
      try await transaction.execute(removeTokensOfAddress, .identifier(locked.userID), .string(emailKey))
      var event = yielded
      event.userID = locked.userID
      try await recordAudit(event, by: transaction)
    }
    try await transaction.execute(take, .string(emailKey), .identifier(userID))
    return true
  }

  private static let account = Statement(
    .write,
    """
    SELECT u.email, u.email_verified_at IS NOT NULL, e.email_key FROM users u
      LEFT JOIN emails e ON e.user_id = u.user_id AND e.reserved_until IS NULL
    WHERE u.user_id = $1
    """)
  private static let verify = Statement(
    .write, "UPDATE users SET email_verified_at = coalesce(email_verified_at, now()) WHERE user_id = $1")
  private static let changeAddress = Statement(
    .write, "UPDATE users SET email = $2, email_verified_at = now() WHERE user_id = $1")
  private static let reserve = Statement(
    .write, "UPDATE emails SET reserved_until = now() + make_interval(days => $3) WHERE user_id = $1 AND email_key = $2"
  )
  private static let release = Statement(.write, "DELETE FROM emails WHERE user_id = $1 AND email_key = $2")
  // Links that lead to the former address prove nothing any more, but for those that take it back.
  private static let endLinks = Statement(.write, endingLinks)

  /// Accepts a proof of an address: of the account's own, which is then verified, or of another
  /// one, which the account then has.
  ///
  /// - Parameters:
  ///   - takeBack: The proof and the mail for the former address of a change, if that is verified.
  ///   - yielded: See `take(_:for:yielded:by:)`.
  package func acceptAddress(
    _ proof: PresentedProof, of userID: Identifier, takeBack: (token: NewMailToken, mail: NewMail),
    yielded: AuditEventRecord
  ) async throws(StoreError) -> AddressOutcome {
    try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await transaction { transaction throws(StoreError) -> TransactionEnd<AddressOutcome> in
        try await Self.lockPeople(userID, wanting: proof, by: transaction)
        guard let token = try await Self.consume(proof, .verifyAddress, of: userID, by: transaction) else {
          return .commit(.proofInvalid)
        }
        let before = try await transaction.row(Self.account, .identifier(userID)) { row throws(DatabaseError) in
          (email: try row.string(0), isVerified: try row.bool(1), emailKey: try row.stringOrNull(2))
        }
        guard let before else { throw StoreError.noSuchUser }
        guard before.emailKey != token.emailKey else {
          try await transaction.execute(Self.verify, .identifier(userID))
          return .commit(.verified)
        }
        guard try await Self.take(token.emailKey, for: userID, yielded: yielded, by: transaction) else {
          // The proof is used up: it proved an address that cannot be had.
          return .commit(.taken)
        }
        var batch = Batch()
        batch.append(Self.endLinks, .identifier(userID))
        if let former = before.emailKey {
          if before.isVerified {
            batch.append(Self.reserve, .identifier(userID), .string(former), .int32(Self.takeBackDays))
            var token = takeBack.token
            (token.email, token.emailKey) = (before.email, former)
            batch.append(Self.inserting(token, of: userID))
            batch.append(Self.enqueueing(takeBack.mail, about: userID, to: before.email))
          } else {
            batch.append(Self.release, .identifier(userID), .string(former))
          }
        }
        batch.append(Self.changeAddress, .identifier(userID), .string(token.email))
        try await transaction.execute(batch, commits: true)
        return .commit(.changed)
      }
    }
  }

  /// Locks the person, and the holder of the address that a proof is about, before any row of
  /// another table is locked.
  private static func lockPeople(
    _ userID: Identifier, wanting proof: PresentedProof, by transaction: Transaction
  ) async throws(StoreError) {
    var people = [userID]
    if let wanted = try await address(of: proof, .verifyAddress, of: userID, by: transaction),
      let seen = try await transaction.row(
        holder, .string(wanted), decode: { row throws(DatabaseError) in try Holder(row) })
    {
      people.append(seen.userID)
    }
    try await transaction.execute(lockHeads, .identifiers(people))
  }

  // MARK: Without signing in

  private static let endCredentials = Statement(
    .write,
    """
    WITH changed AS (
      UPDATE users SET sealed_password = $2 WHERE user_id = $1 RETURNING user_id
    ), revoked AS (
      UPDATE devices SET \(endingCredentials()) WHERE user_id = $1 AND refresh_hash IS NOT NULL RETURNING 1
    ), refused AS (
      \(endingApprovals)
    ), ended AS (
      DELETE FROM recovery_codes WHERE user_id = $1
    ), unlinked AS (
      \(endingLinks)
    )
    SELECT (SELECT count(*)::integer FROM revoked), pg_notify($3, $4) FROM changed
    """)

  /// Replaces the password of a person who proved the account's address by a link, and ends every
  /// credential: a stranger who had the account may have made any of them.
  ///
  /// - Returns: How many devices were signed out; nil if the link is unknown, used or expired, or
  ///   the account has another address by now.
  package func resetPassword(
    of userID: Identifier, by linkHash: [UInt8], to sealedPassword: [UInt8], notice: NewMail
  ) async throws(StoreError) -> Int32? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      let token = try await Self.consume(.link(hash: linkHash), .resetPassword, of: userID, by: transaction)
      let emailKey = try await transaction.row(Self.account, .identifier(userID)) { row throws(DatabaseError) in
        try row.bool(1) ? try row.stringOrNull(2) : nil
      }
      guard let token, emailKey == token.emailKey,
        let count = try await Self.replacePassword(of: userID, by: sealedPassword, transaction)
      else { return nil }
      try await transaction.execute(Self.enqueueingNotice(notice, to: userID))
      return count
    }
  }

  /// Replaces the password and ends every credential, recovery codes, requests to sign in and links
  /// of mails among them.
  ///
  /// - Returns: How many devices were signed out; nil if there is no such account.
  private static func replacePassword(
    of userID: Identifier, by sealedPassword: [UInt8], _ transaction: Transaction
  ) async throws(StoreError) -> Int32? {
    try await transaction.row(
      endCredentials, .identifier(userID), .bytes(sealedPassword), .string(revocationChannel),
      .string(userID.description)
    ) { row throws(DatabaseError) in try row.int32(0) }
  }

  private static let keepAddress = Statement(
    .write,
    "UPDATE emails SET reserved_until = NULL WHERE user_id = $1 AND email_key = $2 AND reserved_until IS NOT NULL")
  private static let releaseOthers = Statement(
    .write, "DELETE FROM emails WHERE user_id = $1 AND email_key <> $2")
  // What a thief may have arranged.
  private static let keepAccount = Statement(.write, "UPDATE users SET deletion_at = NULL WHERE user_id = $1")
  private static let removeAllTokens = Statement(.write, "DELETE FROM mail_tokens WHERE user_id = $1")

  /// Gives an account the address back that it had, with a new password, ends every credential as
  /// `resetPassword` does, and takes an announced deletion back.
  ///
  /// - Returns: How many devices were signed out; nil if the link is unknown, used or expired.
  package func takeBackAddress(
    of userID: Identifier, by linkHash: [UInt8], to sealedPassword: [UInt8], notice: NewMail
  ) async throws(StoreError) -> Int32? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      let token = try await Self.consume(.link(hash: linkHash), .takeBackAddress, of: userID, by: transaction)
      guard let token,
        try await transaction.execute(Self.keepAddress, .identifier(userID), .string(token.emailKey)) == 1,
        let count = try await Self.replacePassword(of: userID, by: sealedPassword, transaction)
      else { return nil }
      var batch = Batch()
      batch.append(Self.releaseOthers, .identifier(userID), .string(token.emailKey))
      batch.append(Self.removeAllTokens, .identifier(userID))
      batch.append(Self.keepAccount, .identifier(userID))
      batch.append(Self.changeAddress, .identifier(userID), .string(token.email))
      batch.append(Self.enqueueingNotice(notice, to: userID))
      try await transaction.execute(batch)
      return count
    }
  }
}
