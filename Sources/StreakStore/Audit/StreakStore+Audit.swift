internal import Postgres
internal import struct StreakDomain.Identifier

extension StreakStore {
  private static let appendAudit = Statement(.write, "SELECT append_audit_event(\(AuditColumn.appended.parameters()))")

  static func recordAudit(_ event: AuditEventRecord, by runner: some StatementRunner) async throws(StoreError) {
    try await runner.execute(recordingAudit(event))
  }

  static func recordingAudit(_ event: AuditEventRecord) -> BoundStatement {
    BoundStatement(statement: appendAudit, parameters: AuditColumn.appended.map { $0.value(event) })
  }

  /// Stores an audit event durably. A user's events are numbered in the order of storing, and each
  /// one's hash covers the one before.
  public func recordAudit(_ event: AuditEventRecord) async throws(StoreError) {
    try await Self.recordAudit(event, by: database)
  }
}
