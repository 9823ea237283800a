internal import Postgres
public import StreakDomain

/// A place in the order of notices: the latest change first.
public struct NoticePlace: Sendable, Equatable {
  public var version: Int64
  public var noticeID: Identifier

  /// Before every notice.
  public static let start = NoticePlace(version: .max, noticeID: Identifier(high: .max, low: .max))

  public init(version: Int64, noticeID: Identifier) {
    self.version = version
    self.noticeID = noticeID
  }
}

extension StreakStore {
  private static let listed = Selection(NoticeColumn.entry)
  private static let listNotices = Statement(
    .read,
    """
    SELECT \(listed.list(of: "n")) FROM notices n
    WHERE n.user_id = $1 AND (n.version, n.notice_id) < ($2, $3) AND ($5 OR NOT EXISTS (
      SELECT FROM notice_acknowledgements a
      WHERE a.user_id = n.user_id AND a.notice_id = n.notice_id AND a.device_id = $4))
    ORDER BY n.version DESC, n.notice_id DESC LIMIT $6
    """)

  /// A user's notices, the latest change first, after a place in that order; those that a device
  /// has acknowledged only on request.
  public func notices(
    of userID: Identifier, for deviceID: Identifier, includingAcknowledged: Bool, after place: NoticePlace,
    countMax: Int32
  ) async throws(StoreError) -> [(id: Identifier, notice: Notice)] {
    try await database.rows(
      Self.listNotices, .identifier(userID), .int64(place.version), .identifier(place.noticeID), .identifier(deviceID),
      .bool(includingAcknowledged), .int32(countMax)
    ) { row throws(DatabaseError) in try row.notice(Self.listed) }
  }

  private static let acknowledge = Statement(
    .write,
    """
    INSERT INTO notice_acknowledgements (user_id, notice_id, device_id, acknowledged_at)
    SELECT $1, n.notice_id, $2, $4 FROM (SELECT DISTINCT unnest($3::uuid[])) AS w (notice_id)
      CROSS JOIN LATERAL (
        SELECT notice_id FROM notices WHERE notices.user_id = $1 AND notices.notice_id = w.notice_id LIMIT 1) n
    ON CONFLICT DO NOTHING
    """)

  /// Records that a device has shown notices. Those that are not this user's are ignored.
  public func acknowledge(
    _ noticeIDs: [Identifier], of userID: Identifier, by deviceID: Identifier, at now: Instant
  ) async throws(StoreError) {
    try await database.execute(
      Self.acknowledge, .identifier(userID), .identifier(deviceID), .identifiers(noticeIDs), .instant(now))
  }
}
