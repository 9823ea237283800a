package import StreakDomain

/// The data of a sign-up, stored in one transaction.
package struct NewAccount: Sendable {
  package var userID: Identifier
  /// As the person wrote it.
  package var email: String
  /// The email's normalised form: two emails with the same one are equal.
  package var emailKey: String
  /// The password's hash, sealed under the server key.
  package var sealedPassword: [UInt8]
  package var createdAt: Instant
  /// Hashes of the account's recovery codes; empty: it has none.
  package var recoveryCodeHashes: [[UInt8]]
  /// The reply, sealed under the request's own secrets.
  package var sealedReply: [UInt8]
  package var device: DeviceRecord
  package var credential: CredentialRecord
  /// A hash of the address that the device signs up from.
  package var addressHash: [UInt8]
  /// The session to migrate into the account.
  package var session: NewMigration?
  package var auditEvent: AuditEventRecord
  /// The language of mails, a BCP 47 tag; empty: not given.
  package var language = ""
  /// A keyed hash of the code that proves the address; nil: nothing proves it.
  package var addressCodeHash: [UInt8]?

  package init(
    userID: Identifier, email: String, emailKey: String, sealedPassword: [UInt8], createdAt: Instant,
    recoveryCodeHashes: [[UInt8]] = [], sealedReply: [UInt8], device: DeviceRecord, credential: CredentialRecord,
    addressHash: [UInt8],
    session: NewMigration?, auditEvent: AuditEventRecord
  ) {
    self.userID = userID
    self.email = email
    self.emailKey = emailKey
    self.sealedPassword = sealedPassword
    self.createdAt = createdAt
    self.recoveryCodeHashes = recoveryCodeHashes
    self.sealedReply = sealedReply
    self.device = device
    self.credential = credential
    self.addressHash = addressHash
    self.session = session
    self.auditEvent = auditEvent
  }
}

/// The stored data of a session that is migrated into a new account.
package struct NewMigration: Sendable {
  package var record: MergeRecord
  /// The server has a row for the session.
  package var isSessionKnown: Bool
  /// The session's result in an empty ledger.
  package var ledger: PersonLedger

  package init(record: MergeRecord, isSessionKnown: Bool, ledger: PersonLedger) {
    self.record = record
    self.isSessionKnown = isSessionKnown
    self.ledger = ledger
  }
}

/// The outcome of a sign-up.
package enum SignUpOutcome: Sendable, Equatable {
  /// The account exists with all its data.
  case signedUp
  /// An account with this email exists; nothing was stored.
  case emailTaken
  /// The session was claimed, or has changed since the call read it; nothing was stored.
  case sessionChanged
  /// The code does not prove the address; nothing was stored.
  case codeInvalid
}
