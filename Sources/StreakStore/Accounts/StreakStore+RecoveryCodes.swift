internal import Postgres
package import StreakDomain

/// What a recovery of an account by a code stores, in one transaction.
package struct CodeRecovery: Sendable {
  package var userID: Identifier
  /// The hash of the code under the server key.
  package var codeHash: [UInt8]
  /// The new password's hash, sealed under the server key.
  package var sealedPassword: [UInt8]
  /// The reply, sealed under the request's own secrets.
  package var sealedReply: [UInt8]
  package var device: DeviceRecord
  package var credential: CredentialRecord
  package var addressHash: [UInt8]
  package var auditEvent: AuditEventRecord
  /// A mail about the recovery, stored with it.
  package var notice: NewMail?

  package init(
    userID: Identifier, codeHash: [UInt8], sealedPassword: [UInt8], sealedReply: [UInt8], device: DeviceRecord,
    credential: CredentialRecord, addressHash: [UInt8], auditEvent: AuditEventRecord, notice: NewMail? = nil
  ) {
    self.userID = userID
    self.codeHash = codeHash
    self.sealedPassword = sealedPassword
    self.sealedReply = sealedReply
    self.device = device
    self.credential = credential
    self.addressHash = addressHash
    self.auditEvent = auditEvent
    self.notice = notice
  }
}

/// A recovery code as the server stores it.
package struct RecoveryCodeRecord: Sendable, Equatable {
  package var isUsed: Bool
  /// The reply to the recovery that used it, sealed.
  package var sealedReply: [UInt8]?
}

extension StreakStore {
  private static let removeCodes = Statement(.write, "DELETE FROM recovery_codes WHERE user_id = $1")
  private static let insertCodes = Statement(
    .write,
    """
    INSERT INTO recovery_codes (\(RecoveryCodeColumn.inserted.list()))
    SELECT $1, code_hash, $3, $4 FROM unnest($2::bytea[]) code_hash
    """)
  /// Replaces a user's recovery codes by those with these hashes, made on the person's device.
  ///
  /// - Parameter notice: A mail about the codes, stored with them.
  /// - Throws: `.noSuchUser`, `.concurrentChange` if the proof does not hold any more.
  package func replaceRecoveryCodes(
    of person: ProvenPerson, by hashes: [[UInt8]], at now: Instant, notice: NewMail? = nil
  ) async throws(StoreError) {
    let isDone: Bool? = try await lockingPerson(person.userID) { transaction throws(StoreError) in
      try await Self.require(person, by: transaction)
      var batch = Batch()
      batch.append(Self.removeCodes, .identifier(person.userID))
      batch.append(Self.addingCodes(hashes, of: person.userID, madeOn: person.deviceID, at: now))
      if let notice { batch.append(Self.enqueueingNotice(notice, to: person.userID)) }
      try await transaction.execute(batch)
      return true
    }
    guard isDone != nil else { throw .noSuchUser }
  }

  static func addingCodes(
    _ hashes: [[UInt8]], of userID: Identifier, madeOn deviceID: Identifier, at now: Instant
  ) -> BoundStatement {
    BoundStatement(insertCodes, .identifier(userID), .bytesArray(hashes), .instant(now), .identifier(deviceID))
  }

  private static let codeUse = Selection(RecoveryCodeColumn.use)
  private static let recoveryCode = Statement(
    .read, "SELECT \(codeUse.list()) FROM recovery_codes WHERE user_id = $1 AND code_hash = $2")

  /// The code with a hash; nil if the user has none, or does not exist.
  package func recoveryCode(of userID: Identifier, hash: [UInt8]) async throws(StoreError) -> RecoveryCodeRecord? {
    try await database.row(Self.recoveryCode, .identifier(userID), .bytes(hash)) { row throws(DatabaseError) in
      try row.recoveryCode(Self.codeUse)
    }
  }

  private static let useCode = Statement(
    .write,
    """
    UPDATE recovery_codes SET \(RecoveryCodeColumn.use.assignments(fromParameter: 3))
    WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL
    """)
  private static let setPassword = Statement(.write, "UPDATE users SET sealed_password = $2 WHERE user_id = $1")
  private static let endApprovals = Statement(.write, endingApprovals)
  private static let endMailedLinks = Statement(.write, endingLinks)
  private static let endOtherDevices = Statement(
    .write,
    """
    UPDATE devices SET \(endingCredentials())
    WHERE user_id = $1 AND device_id <> $2 AND refresh_hash IS NOT NULL
    """)
  private static let notifyRevocation = Statement(.write, "SELECT pg_notify($1, $2)")

  /// Uses a code: sets the password, signs the device in, ends every other credential and notifies
  /// every server, in one transaction.
  ///
  /// - Returns: False if the code was used or replaced meanwhile; nothing was stored.
  /// - Throws: `.noSuchUser` if the account was erased or locked meanwhile.
  package func recover(_ recovery: CodeRecovery, at now: Instant) async throws(StoreError) -> Bool {
    let userID = recovery.userID
    let outcome = try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await transaction { transaction throws(StoreError) -> TransactionEnd<Bool?> in
        guard try await transaction.execute(Self.lockHeads, .identifiers([userID])) == 1 else { return .rollBack(nil) }
        let used = try await transaction.execute(
          Self.useCode, .identifier(userID), .bytes(recovery.codeHash), .instant(now), .bytes(recovery.sealedReply))
        guard used == 1 else { return .rollBack(false) }
        let granted = try await transaction.execute(
          Self.grantingAccess(
            to: recovery.device, of: userID, recovery.credential, at: now, devicesMax: limits.devicesPerPersonMax,
            addressHash: recovery.addressHash))
        // The account is locked.
        guard granted == 1 else { return .rollBack(nil) }
        var rest = Batch()
        rest.append(Self.setPassword, .identifier(userID), .bytes(recovery.sealedPassword))
        rest.append(Self.endOtherDevices, .identifier(userID), .identifier(recovery.device.deviceID))
        rest.append(Self.endApprovals, .identifier(userID))
        rest.append(Self.endMailedLinks, .identifier(userID))
        rest.append(Self.recordingAudit(recovery.auditEvent))
        if let notice = recovery.notice { rest.append(Self.enqueueingNotice(notice, to: userID)) }
        rest.append(Self.notifyRevocation, .string(Self.revocationChannel), .string(userID.description))
        try await transaction.execute(rest, commits: true)
        return .commit(true)
      }
    }
    guard let outcome else { throw .noSuchUser }
    return outcome
  }

  /// Uses a code as a proof only.
  ///
  /// - Returns: False if there is no such unused code.
  package func spendRecoveryCode(
    of userID: Identifier, hash: [UInt8], at now: Instant
  ) async throws(StoreError) -> Bool {
    try await database.execute(
      Self.useCode, .identifier(userID), .bytes(hash), .instant(now), .bytes(nil as [UInt8]?)) == 1
  }
}
