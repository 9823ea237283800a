internal import Postgres
public import StreakDomain

/// An operation of a device's queue that was rejected.
public struct RejectedOperationRecord: Sendable, Equatable {
  public var deviceID: Identifier
  public var seq: Int64
  /// The encoded message; nil if it was too large, or there was no room for it.
  public var operation: [UInt8]?
  /// The number of the schema's `ErrorReason`.
  public var reason: Int32
  public var rejectedAt: Instant
  /// The first 16 bytes of SHA-256 of the operation.
  public var payloadHash: [UInt8]

  public init(
    deviceID: Identifier, seq: Int64, operation: [UInt8]?, reason: Int32, rejectedAt: Instant,
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

/// A place in the order of the inbox: by device, the latest operation first.
public struct InboxPlace: Sendable, Equatable {
  public var deviceID: Identifier
  public var seq: Int64

  /// Before every operation.
  public static let start = InboxPlace(deviceID: .zero, seq: .max)

  public init(deviceID: Identifier, seq: Int64) {
    self.deviceID = deviceID
    self.seq = seq
  }
}

extension StreakStore {
  private static let rejected = Selection(RejectedOperationColumn.record)
  private static let listRejected = Statement(
    .read,
    """
    SELECT \(rejected.list()) FROM rejected_operations
    WHERE user_id = $1 AND (device_id > $2 OR device_id = $2 AND seq < $3)
    ORDER BY device_id, seq DESC LIMIT $4
    """)

  /// A person's rejected operations, by device, the latest first, after a place in that order.
  public func rejectedOperations(
    of userID: Identifier, after place: InboxPlace, countMax: Int32
  ) async throws(StoreError) -> [RejectedOperationRecord] {
    try await database.rows(
      Self.listRejected, .identifier(userID), .identifier(place.deviceID), .int64(place.seq), .int32(countMax)
    ) { row throws(DatabaseError) in try row.rejectedOperation(Self.rejected) }
  }
}
