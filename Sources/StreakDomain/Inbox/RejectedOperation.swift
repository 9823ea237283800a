/// An operation of a device's queue that was rejected, in the user's inbox.
public struct RejectedOperation: Sendable, Equatable {
  public var deviceID: Identifier
  public var seq: Int64
  /// The encoded message; nil if it was too large, or there was no room for it.
  public var operation: [UInt8]?
  /// Nil: a reason that this program does not know.
  public var reason: Reason?
  public var rejectedAt: Instant
  /// The first 16 bytes of SHA-256 of the operation.
  public var payloadHash: [UInt8]

  public init(
    deviceID: Identifier, seq: Int64, operation: [UInt8]?, reason: Reason?, rejectedAt: Instant,
    payloadHash: [UInt8] = []
  ) {
    self.deviceID = deviceID
    self.seq = seq
    self.operation = operation
    self.reason = reason
    self.rejectedAt = rejectedAt
    self.payloadHash = payloadHash
  }
}
