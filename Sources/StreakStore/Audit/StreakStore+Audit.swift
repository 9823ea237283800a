internal import Postgres
internal import struct StreakDomain.Identifier

extension StreakStore {
  private static let recordAudit = Statement(
    .write,
    """
    WITH numbered AS (
      UPDATE users SET audit_count = audit_count + 1 WHERE user_id = $1 RETURNING audit_count
    )
    INSERT INTO audit_events (
      user_id, number, event_id, occurred_at, method, outcome, reason, device_id, peer_address, detail)
    VALUES ($1, coalesce((SELECT audit_count FROM numbered), 0), gen_random_uuid(), $2, $3, $4, $5, $6, $7, $8)
    """)

  static func recordAudit(_ event: AuditEventRecord, by runner: some StatementRunner) async throws(StoreError) {
    try await runner.execute(
      recordAudit, .identifier(event.userID ?? .zero), .moment(event.occurredAt), .string(event.method),
      .string(event.outcome),
      .string(event.reason), .identifier(event.deviceID), .string(event.peerAddress), .string(event.detail))
  }

  /// Stores an audit event durably; a person's events are numbered in the order they are stored.
  public func recordAudit(_ event: AuditEventRecord) async throws(StoreError) {
    try await Self.recordAudit(event, by: database)
  }
}
