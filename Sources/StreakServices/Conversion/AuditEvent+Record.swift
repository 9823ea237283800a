internal import GRPCSchema
internal import RPC
internal import Schema
internal import SchemaConversion
internal import enum StreakDomain.Reason
internal import StreakStore

extension AuditEvent {
  init(_ record: AuditEventRecord) {
    self.init(
      number: record.number, occurredAt: GoogleProtobufTimestamp(record.occurredAt), method: record.method,
      outcome: CallStatus(named: record.outcome), reason: ErrorReason(named: record.reason),
      deviceId: record.deviceID?.bytes ?? [], peerAddress: record.peerAddress, detail: record.detail)
  }
}

extension MigrationAttempt {
  init(_ record: AuditEventRecord) {
    self.init(
      occurredAt: GoogleProtobufTimestamp(record.occurredAt), method: record.method,
      outcome: CallStatus(named: record.outcome), reason: ErrorReason(named: record.reason),
      deviceId: record.deviceID?.bytes ?? [], detail: record.detail)
  }
}

extension CallStatus {
  private static let byName = Dictionary(
    uniqueKeysWithValues: RPCStatusCode.allCases.map { ($0.name, CallStatus(rawValue: Int32($0.rawValue + 1))) })

  /// The status with the name that audit events store; unspecified for any other text.
  init(named name: String) { self = Self.byName[name] ?? .unspecified }
}

extension ErrorReason {
  private static let byName = Dictionary(uniqueKeysWithValues: Reason.allCases.map { ($0.name, ErrorReason($0)) })

  /// The reason with the name that audit events store; unspecified for any other text.
  init(named name: String) { self = Self.byName[name] ?? .unspecified }
}

extension DocumentSection {
  init(_ section: ExportDocument.Section) {
    self =
      switch section {
      case .account: .account
      case .devices: .devices
      case .habits: .habits
      case .ledger: .ledger
      case .history: .history
      case .rejectedEntries: .rejectedEntries
      case .rejectedOperations: .rejectedOperations
      case .notices: .notices
      case .migrations: .migrations
      case .audit: .audit
      }
  }
}
