internal import Postgres
internal import struct StreakDomain.Identifier

extension StreakStore {
  private static let appendAudit = Statement(.write, "SELECT append_audit_event($1, $2, $3, $4, $5, $6, $7, $8)")

  static func recordAudit(_ event: AuditEventRecord, by runner: some StatementRunner) async throws(StoreError) {
    try await runner.execute(recordingAudit(event))
  }

  static func recordingAudit(_ event: AuditEventRecord) -> BoundStatement {
    BoundStatement(
      appendAudit, .identifier(event.userID ?? .zero), .instant(event.occurredAt), .string(event.method),
      .string(event.outcome), .string(event.reason), .identifier(event.deviceID), .string(event.peerAddress),
      .string(event.detail))
  }

  /// Stores an audit event durably. A user's events are numbered in the order of storing, and each
  /// one's hash covers the one before.
  public func recordAudit(_ event: AuditEventRecord) async throws(StoreError) {
    try await Self.recordAudit(event, by: database)
  }
}
