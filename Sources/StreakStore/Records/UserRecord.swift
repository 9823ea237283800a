public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

/// A person's account.
public struct UserRecord: Sendable, Equatable {
  public var userID: Identifier
  /// The email as the person wrote it.
  public var email: String
  /// The password's hash, sealed under the server key (`ServerKey.sealPassword`). It changes with
  /// every password, and so tells whether a proof of the person is still one.
  public var sealedPassword: [UInt8]
  public var createdAt: Instant
  /// The number of the last change of this user's data.
  public var changeNumber: Int64
  /// Nil: nothing has proved that the person reads mail at the address.
  public var emailVerifiedAt: Instant?
  /// The language of mails, a BCP 47 tag; empty: not given.
  public var language: String
  /// Recovery codes that were not used yet.
  public var recoveryCodesLeft: Int32 = 0
  /// When the account is to be erased; nil: it is not.
  public var deletionAt: Instant?
  /// When an operator locked the account; nil: it is not locked.
  public var lockedAt: Instant?
}
