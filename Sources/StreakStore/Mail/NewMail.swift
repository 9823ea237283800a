package import struct StreakDomain.Identifier

/// A mail to be stored in the outbox, in the transaction of what causes it.
package struct NewMail: Sendable {
  package var mailID: Identifier
  package var kind: MailKind
  /// The values for the template, sealed.
  package var sealed: [UInt8]
  /// Seconds after which it is not sent any more.
  package var lifetimeSeconds: Int32

  package init(mailID: Identifier, kind: MailKind, sealed: [UInt8], lifetimeSeconds: Int32) {
    self.mailID = mailID
    self.kind = kind
    self.sealed = sealed
    self.lifetimeSeconds = lifetimeSeconds
  }
}

/// A proof that a mail carries, as it is stored.
package struct NewMailToken: Sendable {
  package var purpose: MailTokenPurpose
  /// SHA-256 of the link's secret, 32 bytes.
  package var hash: [UInt8]
  /// The address that it proves, as written.
  package var email: String
  package var emailKey: String
  /// A keyed hash of the code; nil: there is only a link.
  package var codeHash: [UInt8]?
  package var lifetimeSeconds: Int32

  package init(
    purpose: MailTokenPurpose, hash: [UInt8], email: String, emailKey: String, codeHash: [UInt8]?,
    lifetimeSeconds: Int32
  ) {
    self.purpose = purpose
    self.hash = hash
    self.email = email
    self.emailKey = emailKey
    self.codeHash = codeHash
    self.lifetimeSeconds = lifetimeSeconds
  }
}

/// A link's or a code's hash, as a person presents it.
package enum PresentedProof: Sendable {
  case link(hash: [UInt8])
  case code(hash: [UInt8])
}

/// A mail whose turn it is.
package struct DueMail: Sendable, Equatable {
  package var userID: Identifier
  package var mailID: Identifier
  /// The number of a `MailKind`; one that this program does not know is another version's.
  package var kind: Int32
  package var recipient: String
  package var language: String
  package var sealed: [UInt8]
  /// Attempts so far, this one included.
  package var attempts: Int32
  /// Its lifetime is over: it is not sent any more.
  package var isExpired: Bool
}
