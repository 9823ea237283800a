internal import Postgres
public import StreakDomain

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
  ) async throws(StoreError) -> [RejectedOperation] {
    try await database.rows(
      Self.listRejected, .identifier(userID), .identifier(place.deviceID), .int64(place.seq), .int32(countMax)
    ) { row throws(DatabaseError) in try row.rejectedOperation(Self.rejected) }
  }
}
