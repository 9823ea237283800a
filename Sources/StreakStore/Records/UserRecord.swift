package import struct StreakDomain.Identifier
package import struct StreakDomain.Instant

/// A person's account.
package struct UserRecord: Sendable, Equatable {
  package var userID: Identifier
  /// The email as the person wrote it.
  package var email: String
  /// The password's hash, sealed under the server key (`ServerKey.sealPassword`). It changes with
  /// every password, and so tells whether a proof of the person is still one.
  package var sealedPassword: [UInt8]
  package var createdAt: Instant
  /// The number of the last change of this user's data.
  package var changeNumber: Int64
  /// Nil: nothing has proved that the person reads mail at the address.
  package var emailVerifiedAt: Instant?
  /// The language of mails, a BCP 47 tag; empty: not given.
  package var language: String
  /// Recovery codes that were not used yet.
  package var recoveryCodesLeft: Int32 = 0
  /// When the account is to be erased; nil: it is not.
  package var deletionAt: Instant?
  /// When an operator locked the account; nil: it is not locked.
  package var lockedAt: Instant?
}
