internal import Postgres
internal import StreakDomain

/// The columns of `audit_events`.
enum AuditColumn: Int, TableColumn {
  case userID, number, occurredAt, method, outcome, reason, deviceID, peerAddress, detail, hash

  /// The columns that are shown.
  static let shown: [AuditColumn] = allCases.filter { $0 != .userID && $0 != .hash }
  /// The columns whose values `append_audit_event` takes, in the order of its parameters; it makes
  /// the others.
  static let appended: [AuditColumn] = allCases.filter { $0 != .number && $0 != .hash }

  /// The value to store, of `appended`.
  func value(_ event: AuditEventRecord) -> PostgresValue {
    switch self {
    case .userID: .identifier(event.userID ?? .zero)
    case .number: .int64(event.number)
    case .occurredAt: .instant(event.occurredAt)
    case .method: .string(event.method)
    case .outcome: .string(event.outcome)
    case .reason: .string(event.reason)
    case .deviceID: .identifier(event.deviceID)
    case .peerAddress: .string(event.peerAddress)
    case .detail: .string(event.detail)
    case .hash: .bytes(nil as [UInt8]?)
    }
  }
}

/// The columns of `audit_heads`.
enum AuditHeadColumn: Int, TableColumn {
  case userID, number, hash, baseNumber, baseHash
}

extension Row {
  /// Decodes `AuditColumn.shown`.
  func auditEvent(_ at: Selection<AuditColumn>, of userID: Identifier) throws(DatabaseError) -> AuditEventRecord {
    AuditEventRecord(
      userID: userID, number: try int64(at[.number]), occurredAt: try instant(at[.occurredAt]),
      method: try string(at[.method]), outcome: try string(at[.outcome]), reason: try string(at[.reason]),
      deviceID: try identifierOrNull(at[.deviceID]), peerAddress: try string(at[.peerAddress]),
      detail: try string(at[.detail]))
  }
}
