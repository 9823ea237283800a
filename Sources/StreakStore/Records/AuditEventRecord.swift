public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

/// One attempt to do something of consequence. Holds no secret.
public struct AuditEventRecord: Sendable, Equatable {
  /// Whose account it concerns; nil if nobody's.
  public var userID: Identifier?
  /// Its number, from 1, per person; 0 until stored, and for nobody's events.
  public var number: Int64
  public var occurredAt: Instant
  /// Such as `AccountService/SignIn`.
  public var method: String
  /// The status' name, such as `OK`.
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
