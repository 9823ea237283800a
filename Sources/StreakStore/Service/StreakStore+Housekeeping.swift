internal import Postgres
public import StreakDomain

extension StreakStore {
  /// How long the outcome of an operation is kept at least, in days. Devices can repeat operations
  /// for 35 days.
  public static let outcomesKeptDays: Int64 = 40
  /// How long an anonymous session without contact is kept, in days.
  public static let sessionsKeptDays: Int64 = 365
  /// How long audit events without an account are kept, in days. The database's own function keeps
  /// them at least as long.
  public static let unauthenticatedEventsKeptDays: Int64 = 30
  /// Rows removed by one statement.
  static let forgottenRowsMax: Int32 = 5_000

  private static let forgetOutcomes = Statement(
    .write,
    """
    DELETE FROM operations WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM operations WHERE decided_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
    """)
  private static let forgetSessions = Statement(
    .write,
    """
    DELETE FROM sessions WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM sessions WHERE claimed_by IS NULL AND last_contact_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
    """)

  private static let forgetRecoveries = Statement(
    .write,
    """
    UPDATE recoveries SET state = \(RecoveryStage.cancelled.rawValue), records = NULL WHERE (user_id, recovery_id) IN (
      SELECT user_id, recovery_id FROM recoveries WHERE state IN (\(openStages)) AND requested_at < $1 LIMIT $2
      FOR UPDATE SKIP LOCKED)
    """)

  private static let forgetMails = Statement(
    .write,
    """
    DELETE FROM mail_outbox WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM mail_outbox WHERE enqueued_at < $1 AND (due_at IS NULL OR expires_at < $1) LIMIT $2
      FOR UPDATE SKIP LOCKED))
    """)
  private static let forgetMailTokens = Statement(
    .write,
    """
    DELETE FROM mail_tokens WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM mail_tokens WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
    """)
  private static let forgetReservations = Statement(
    .write,
    """
    DELETE FROM emails WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM emails WHERE reserved_until < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
    """)

  private static let forgetUnauthenticatedEvents = Statement(.write, "SELECT forget_unauthenticated_events($1, $2)")

  private func forgetUnauthenticatedEvents(at now: Instant) async throws(StoreError) -> Int {
    let before = now.advanced(bySeconds: -Self.unauthenticatedEventsKeptDays * 86_400)
    let removed = try await database.row(
      Self.forgetUnauthenticatedEvents, .instant(before), .int32(Self.forgottenRowsMax)
    ) { row throws(DatabaseError) in try row.int64(0) }
    return Int(clamping: removed ?? 0)
  }

  private static let forgetAuditEvents = Statement(.write, "SELECT forget_audit_events($1, $2)")

  /// Removes the oldest audit events of users that have more than they may.
  ///
  /// - Parameter bytesMax: Of one user's events; less than 1 MiB counts as 1 MiB.
  /// - Returns: Events removed, at most `forgottenRowsMax`.
  func forgetAuditEvents(bytesMax: Int64) async throws(StoreError) -> Int {
    let removed = try await database.row(
      Self.forgetAuditEvents, .int64(bytesMax), .int32(Self.forgottenRowsMax)
    ) { row throws(DatabaseError) in try row.int64(0) }
    var counts = QuotaCounts()
    counts.auditEventsForgotten = Int(clamping: removed ?? 0)
    quotaMeter.count(counts)
    return counts.auditEventsForgotten
  }

  /// Removes expired rows, a bounded number at a time. Any number of programs may do so at once.
  ///
  /// - Returns: Rows removed.
  /// - Throws: The first error, after all kinds of rows have had their turn.
  public func forgetOld(at now: Instant) async throws(StoreError) -> Int {
    var count = 0
    var failure: StoreError?
    func removeAll(_ removeSome: () async throws(StoreError) -> Int) async {
      do throws(StoreError) {
        var removed = Int(Self.forgottenRowsMax)
        while removed == Int(Self.forgottenRowsMax) {
          removed = try await removeSome()
          count += removed
        }
      } catch {
        failure = failure ?? error
      }
    }
    for (statement, days) in [
      (Self.forgetOutcomes, Self.outcomesKeptDays), (Self.forgetSessions, Self.sessionsKeptDays),
      (Self.forgetRecoveries, Self.recoveriesKeptDays), (Self.forgetMails, Self.mailKeptDays),
      (Self.forgetMailTokens, 0), (Self.forgetReservations, 0),
    ] {
      await removeAll { () throws(StoreError) in
        try await database.execute(
          statement, .instant(now.advanced(bySeconds: -days * 86_400)), .int32(Self.forgottenRowsMax))
      }
    }
    await removeAll { () throws(StoreError) in try await forgetUnauthenticatedEvents(at: now) }
    let bytesMax = limits.auditBytesPerPersonMax
    await removeAll { () throws(StoreError) in try await forgetAuditEvents(bytesMax: bytesMax) }
    if let failure { throw failure }
    return count
  }
}
