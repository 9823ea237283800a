internal import Postgres
package import StreakDomain

/// A request to sign a device in by the approval of another one.
package struct SignInApprovalRecord: Sendable, Equatable {
  package var requestID: Identifier
  /// Zero: no account has the address that was named.
  package var userID: Identifier
  /// SHA-256 of the secret that the requesting device holds.
  package var secretHash: [UInt8]
  /// Six digits, which both devices show.
  package var digits: String
  package var device: DeviceRecord
  /// Where the request came from.
  package var peerAddress: String
  package var requestedAt: Instant
  package var expiresAt: Instant
  /// Nil: not decided.
  package var isApproved: Bool?
  /// The reply with the tokens, sealed under the secret.
  package var sealedReply: [UInt8]?

  package init(
    requestID: Identifier, userID: Identifier, secretHash: [UInt8], digits: String, device: DeviceRecord,
    peerAddress: String, requestedAt: Instant, expiresAt: Instant, isApproved: Bool? = nil, sealedReply: [UInt8]? = nil
  ) {
    self.requestID = requestID
    self.userID = userID
    self.secretHash = secretHash
    self.digits = digits
    self.device = device
    self.peerAddress = peerAddress
    self.requestedAt = requestedAt
    self.expiresAt = expiresAt
    self.isApproved = isApproved
    self.sealedReply = sealedReply
  }
}

/// What the completion of an approved sign-in stores.
package struct ApprovedSignIn: Sendable {
  package var requestID: Identifier
  package var userID: Identifier
  package var sealedReply: [UInt8]
  package var device: DeviceRecord
  package var credential: CredentialRecord
  package var addressHash: [UInt8]
  package var auditEvent: AuditEventRecord
  /// A mail about the sign-in, stored with it.
  package var notice: NewMail?

  package init(
    requestID: Identifier, userID: Identifier, sealedReply: [UInt8], device: DeviceRecord,
    credential: CredentialRecord, addressHash: [UInt8], auditEvent: AuditEventRecord, notice: NewMail? = nil
  ) {
    self.requestID = requestID
    self.userID = userID
    self.sealedReply = sealedReply
    self.device = device
    self.credential = credential
    self.addressHash = addressHash
    self.auditEvent = auditEvent
    self.notice = notice
  }
}

extension StreakStore {
  private static let approvalColumns = Selection(Array(SignInApprovalColumn.allCases))

  // The last parameter is the moment of the request.
  private static let request = Statement(
    .write,
    """
    WITH gone AS (
      DELETE FROM sign_in_approvals WHERE request_id IN (
        SELECT request_id FROM sign_in_approvals
        WHERE expires_at < $\(SignInApprovalColumn.inserted.count + 1)::timestamptz - interval '1 hour'
        ORDER BY expires_at LIMIT 8 FOR UPDATE SKIP LOCKED)
    )
    INSERT INTO sign_in_approvals (\(SignInApprovalColumn.inserted.list()))
    VALUES (\(SignInApprovalColumn.inserted.parameters()))
    """)

  /// Stores a request, and removes some that ended long ago. A request for an unknown address costs
  /// as much as any.
  package func requestSignIn(_ record: SignInApprovalRecord) async throws(StoreError) {
    let values = SignInApprovalColumn.inserted.map { $0.value(record) }
    try await database.execute(
      BoundStatement(statement: Self.request, parameters: values + [.instant(record.requestedAt)]))
  }

  private static let approval = Statement(.read, "SELECT \(approvalColumns.list()) FROM sign_in_approvals WHERE request_id = $1")

  /// A request; nil if there is none, or it ended long ago.
  package func signInApproval(_ requestID: Identifier) async throws(StoreError) -> SignInApprovalRecord? {
    try await database.row(Self.approval, .identifier(requestID)) { row throws(DatabaseError) in
      try row.signInApproval(Self.approvalColumns)
    }
  }

  private static let open = Statement(
    .read,
    """
    SELECT \(approvalColumns.list()) FROM sign_in_approvals
    WHERE user_id = $1 AND is_approved IS NULL AND expires_at > $2 ORDER BY requested_at DESC, request_id LIMIT $3
    """)

  /// A user's requests that wait for a decision, the latest first.
  package func openSignInApprovals(
    of userID: Identifier, at now: Instant, countMax: Int32
  ) async throws(StoreError) -> [SignInApprovalRecord] {
    try await database.rows(Self.open, .identifier(userID), .instant(now), .int32(countMax)) {
      row throws(DatabaseError) in try row.signInApproval(Self.approvalColumns)
    }
  }

  private static let decide = Statement(
    .write,
    """
    UPDATE sign_in_approvals SET is_approved = $3, expires_at = CASE WHEN $3 THEN $6 ELSE expires_at END
    WHERE user_id = $1 AND request_id = $2 AND ($4::text IS NULL OR digits = $4) AND expires_at > $5
      AND (is_approved IS NULL OR is_approved = $3)
      AND EXISTS (SELECT FROM devices d WHERE d.user_id = $1 AND d.device_id = $7 AND d.refresh_hash IS NOT NULL)
    """)

  /// Decides a request, unless it was decided otherwise, or the deciding device was signed out
  /// meanwhile.
  ///
  /// - Parameters:
  ///   - deviceID: The device that decides.
  ///   - digits: Those that the person compared; nil: any.
  ///   - expiresAt: Until when an approved request can be completed.
  /// - Returns: False if the user has no such request that is open.
  package func decideSignIn(
    _ requestID: Identifier, of userID: Identifier, by deviceID: Identifier, isApproved: Bool, digits: String?,
    at now: Instant, expiresAt: Instant
  ) async throws(StoreError) -> Bool {
    let count: Int? = try await lockingPerson(userID) { transaction throws(StoreError) in
      try await transaction.execute(
        Self.decide, .identifier(userID), .identifier(requestID), .bool(isApproved), .string(digits), .instant(now),
        .instant(expiresAt), .identifier(deviceID))
    }
    return count == 1
  }

  private static let complete = Statement(
    .write,
    """
    UPDATE sign_in_approvals SET sealed_reply = $3
    WHERE user_id = $1 AND request_id = $2 AND is_approved AND sealed_reply IS NULL AND expires_at > $4
    """)

  /// Signs the device of an approved request in, once.
  ///
  /// - Returns: False if it was completed already, or has ended; nothing was stored.
  /// - Throws: `.noSuchUser`.
  package func completeSignIn(_ approved: ApprovedSignIn, at now: Instant) async throws(StoreError) -> Bool {
    let userID = approved.userID
    let outcome = try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await transaction { transaction throws(StoreError) -> TransactionEnd<Bool?> in
        guard try await transaction.execute(Self.lockHeads, .identifiers([userID])) == 1 else { return .rollBack(nil) }
        let completed = try await transaction.execute(
          Self.complete, .identifier(userID), .identifier(approved.requestID), .bytes(approved.sealedReply),
          .instant(now))
        guard completed == 1 else { return .rollBack(false) }
        let granted = try await transaction.execute(
          Self.grantingAccess(
            to: approved.device, of: userID, approved.credential, at: now, devicesMax: limits.devicesPerPersonMax,
            addressHash: approved.addressHash, isProven: false))
        // The account is locked.
        guard granted == 1 else { return .rollBack(nil) }
        var rest = Batch()
        rest.append(Self.recordingAudit(approved.auditEvent))
        if let notice = approved.notice { rest.append(Self.enqueueingNotice(notice, to: userID)) }
        try await transaction.execute(rest, commits: true)
        return .commit(true)
      }
    }
    guard let outcome else { throw .noSuchUser }
    return outcome
  }
}
