internal import Postgres
internal import StreakDomain

/// The columns of `audit_events` that are shown.
enum AuditColumn: Int, TableColumn {
  case number, occurredAt, method, outcome, reason, deviceID, peerAddress, detail
}

extension Row {
  /// Decodes all of `AuditColumn`.
  func auditEvent(_ at: Selection<AuditColumn>, of userID: Identifier) throws(DatabaseError) -> AuditEventRecord {
    AuditEventRecord(
      userID: userID, number: try int64(at[.number]), occurredAt: try instant(at[.occurredAt]),
      method: try string(at[.method]), outcome: try string(at[.outcome]), reason: try string(at[.reason]),
      deviceID: try identifierOrNull(at[.deviceID]), peerAddress: try string(at[.peerAddress]),
      detail: try string(at[.detail]))
  }
}
