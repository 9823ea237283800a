public import StreakDomain

/// All that a sign-up stores, in one transaction.
public struct NewAccount: Sendable {
  public var userID: Identifier
  /// As the person wrote it.
  public var email: String
  /// By which two emails are the same.
  public var emailKey: String
  /// The Argon2id hash, as text.
  public var passwordHash: String
  public var createdAt: Instant
  /// The reply, sealed under the request's own secrets.
  public var sealedReply: [UInt8]
  public var device: DeviceRecord
  public var credential: CredentialRecord
  /// Of the address that the device signs up from.
  public var addressHash: [UInt8]
  /// The session that becomes part of the account.
  public var session: NewMigration?
  public var auditEvent: AuditEventRecord

  public init(
    userID: Identifier, email: String, emailKey: String, passwordHash: String, createdAt: Instant,
    sealedReply: [UInt8], device: DeviceRecord, credential: CredentialRecord, addressHash: [UInt8],
    session: NewMigration?, auditEvent: AuditEventRecord
  ) {
    self.userID = userID
    self.email = email
    self.emailKey = emailKey
    self.passwordHash = passwordHash
    self.createdAt = createdAt
    self.sealedReply = sealedReply
    self.device = device
    self.credential = credential
    self.addressHash = addressHash
    self.session = session
    self.auditEvent = auditEvent
  }
}

/// A session on its way into a new account: what is stored of it.
public struct NewMigration: Sendable {
  public var record: MergeRecord
  /// The server knows the session.
  public var isSessionKnown: Bool
  /// What the session makes of a ledger that held nothing.
  public var ledger: PersonLedger

  public init(record: MergeRecord, isSessionKnown: Bool, ledger: PersonLedger) {
    self.record = record
    self.isSessionKnown = isSessionKnown
    self.ledger = ledger
  }
}

/// What a sign-up came to.
public enum SignUpOutcome: Sendable, Equatable {
  /// The account exists with all its data.
  case signedUp
  /// The email is an account's; nothing was stored.
  case emailTaken
  /// The session was claimed, or is not as it was when the call decided; nothing was stored.
  case sessionChanged
}
