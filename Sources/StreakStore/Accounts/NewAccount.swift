public import StreakDomain

/// The data of a sign-up, stored in one transaction.
public struct NewAccount: Sendable {
  public var userID: Identifier
  /// As the person wrote it.
  public var email: String
  /// The email's normalised form: two emails with the same one are equal.
  public var emailKey: String
  /// The password's hash, sealed under the server key.
  public var sealedPassword: [UInt8]
  public var createdAt: Instant
  /// Hashes of the account's recovery codes; empty: it has none.
  public var recoveryCodeHashes: [[UInt8]]
  /// The reply, sealed under the request's own secrets.
  public var sealedReply: [UInt8]
  public var device: DeviceRecord
  public var credential: CredentialRecord
  /// A hash of the address that the device signs up from.
  public var addressHash: [UInt8]
  /// The session to migrate into the account.
  public var session: NewMigration?
  public var auditEvent: AuditEventRecord
  /// The language of mails, a BCP 47 tag; empty: not given.
  public var language = ""
  /// A keyed hash of the code that proves the address; nil: nothing proves it.
  public var addressCodeHash: [UInt8]?

  public init(
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
public struct NewMigration: Sendable {
  public var record: MergeRecord
  /// The server has a row for the session.
  public var isSessionKnown: Bool
  /// The session's result in an empty ledger.
  public var ledger: PersonLedger

  public init(record: MergeRecord, isSessionKnown: Bool, ledger: PersonLedger) {
    self.record = record
    self.isSessionKnown = isSessionKnown
    self.ledger = ledger
  }
}

/// The outcome of a sign-up.
public enum SignUpOutcome: Sendable, Equatable {
  /// The account exists with all its data.
  case signedUp
  /// An account with this email exists; nothing was stored.
  case emailTaken
  /// The session was claimed, or has changed since the call read it; nothing was stored.
  case sessionChanged
  /// The code does not prove the address; nothing was stored.
  case codeInvalid
}
