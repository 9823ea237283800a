package import struct StreakDomain.Identifier
package import struct StreakDomain.Instant

/// One audited attempt. Holds no secret.
package struct AuditEventRecord: Sendable, Equatable {
  /// The account's user; nil if there is none.
  package var userID: Identifier?
  /// Its number, from 1, per user; 0 until stored, and for events without a user.
  package var number: Int64
  package var occurredAt: Instant
  /// Such as `AccountService/SignIn`.
  package var method: String
  /// The status's name, such as `OK`.
  package var outcome: String
  /// The refusal's reason; empty if there was none.
  package var reason: String
  package var deviceID: Identifier?
  package var peerAddress: String
  package var detail: String

  package init(
    userID: Identifier?, number: Int64 = 0, occurredAt: Instant, method: String, outcome: String, reason: String,
    deviceID: Identifier?, peerAddress: String, detail: String
  ) {
    self.userID = userID
    self.number = number
    self.occurredAt = occurredAt
    self.method = method
    self.outcome = outcome
    self.reason = reason
    self.deviceID = deviceID
    self.peerAddress = peerAddress
    self.detail = detail
  }
}
