internal import Postgres
public import StreakDomain

extension StreakStore {
  private static let insertEmail = Statement(.write, EmailColumn.assign(if: "emails.reserved_until < now()"))

  private static let insertUser = Statement(
    .write,
    """
    WITH head AS (INSERT INTO heads (user_id, first_day) VALUES ($1, $\(UserColumn.inserted.count + 1)))
    INSERT INTO users (\(UserColumn.inserted.list()))
    VALUES (\(UserColumn.inserted.parameters()))
    """)

  /// Makes an account with all its data, or nothing at all.
  ///
  /// The session is claimed first and the email second, in every sign-up, so that two of them
  /// cannot deadlock.
  public func signUp(_ account: NewAccount) async throws(StoreError) -> SignUpOutcome {
    let session = account.session.map { [LockedRow.session($0.record.migration.sessionID)] } ?? []
    return try await inTurn(of: session + [.email(account.emailKey)]) { () throws(StoreError) in
      try await transaction { transaction throws(StoreError) in
        let outcome = try await store(account, by: transaction)
        // A wrong code is counted.
        return outcome == .signedUp || outcome == .codeInvalid ? .commit(outcome) : .rollBack(outcome)
      }
    }
  }

  /// The audit event's detail of an account whose address another person proved.
  package static let yieldedDetail = "the address is another person's, who proved it"

  /// Two round trips, without a code: first the rows that another sign-up may have taken, then the
  /// rest with the commit.
  private func store(_ account: NewAccount, by transaction: Transaction) async throws(StoreError) -> SignUpOutcome {
    let (userID, now) = (account.userID, account.createdAt)
    if let code = account.addressCodeHash {
      guard try await Self.consumeSignUpCode(code, of: account.emailKey, by: transaction) else { return .codeInvalid }
    }
    var claims = Batch()
    if let session = account.session { claims.append(Self.claiming(session, for: userID, at: now)) }
    if account.addressCodeHash == nil {
      claims.append(Self.insertEmail, .string(account.emailKey), .identifier(userID))
    }
    let claimed = try await transaction.execute(claims)
    if account.session != nil, claimed.first != 1 { return .sessionChanged }
    if account.addressCodeHash != nil {
      var yielded = account.auditEvent
      (yielded.deviceID, yielded.peerAddress, yielded.detail) = (nil, "", Self.yieldedDetail)
      guard try await Self.take(account.emailKey, for: userID, yielded: yielded, by: transaction) else {
        return .emailTaken
      }
    } else {
      guard claimed.last == 1 else { return .emailTaken }
    }

    var rest = Batch()
    rest.append(
      BoundStatement(
        statement: Self.insertUser,
        parameters: UserColumn.inserted.map { $0.value(account) } + [
          .int32(DayRules.firstDay(createdAt: now).number)
        ]))
    rest.append(
      Self.grantingAccess(
        to: account.device, of: userID, account.credential, at: now, devicesMax: limits.devicesPerPersonMax,
        addressHash: account.addressHash, isNewAccount: true))
    if !account.recoveryCodeHashes.isEmpty {
      rest.append(Self.addingCodes(account.recoveryCodeHashes, of: userID, madeOn: account.device.deviceID, at: now))
    }
    if let session = account.session {
      let person = PendingUser(userID, [], attempts: 0)
      person.ledger = session.ledger
      person.ledger?.register(deviceID: account.device.deviceID, now: now.wholeMilliseconds)
      // No other call knows the account yet: the change takes effect.
      if session.ledger.changes.cells.count > ApplyStatement.cellsPerPieceMax {
        try await transaction.execute(rest)
        rest = Batch()
        try await storeLedger(of: person, at: now, by: transaction)
      } else if session.ledger.changeNumber != 0 {
        rest.append(ApplyStatement([person], now: now).bound)
      }
      Self.add(session.record, of: userID, to: &rest)
    }
    rest.append(Self.recordingAudit(account.auditEvent))
    try await transaction.execute(rest, commits: true)
    return .signedUp
  }

  /// The ledger of an account that is made now.
  public func emptyLedger(at now: Instant) -> PersonLedger {
    PersonLedger(
      epoch: epoch, firstDay: DayRules.firstDay(createdAt: now), habitsMax: limits.habitsPerPersonMax,
      quotas: limits.quotas)
  }
}
