internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant
internal import StreakStore

/// The person that a call is made by, or concerns: found by the authenticator or, where a call
/// carries no token, by its handler.
struct Principal: Sendable {
  var userID: Identifier
  /// The device whose token the call carries, or that signs in; nil where there is none.
  var deviceID: Identifier?
  /// When the access token expires; nil where there is none.
  var tokenExpiresAt: Instant?
  /// When the account is to be erased; nil: it is not, or the call carries no token.
  var deletionAt: Instant?
}

extension Principal {
  /// A person whose call carries a token that grants something.
  init(_ userID: Identifier, _ grant: AccessGrant) {
    self.init(
      userID: userID, deviceID: grant.deviceID, tokenExpiresAt: grant.expiresAt, deletionAt: grant.deletionAt)
  }
}
