public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

/// One audited attempt. Holds no secret.
public struct AuditEventRecord: Sendable, Equatable {
  /// The account's user; nil if there is none.
  public var userID: Identifier?
  /// Its number, from 1, per user; 0 until stored, and for events without a user.
  public var number: Int64
  public var occurredAt: Instant
  /// Such as `AccountService/SignIn`.
  public var method: String
  /// The status's name, such as `OK`.
  public var outcome: String
  /// The refusal's reason; empty if there was none.
  public var reason: String
  public var deviceID: Identifier?
  public var peerAddress: String
  public var detail: String

  public init(
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
