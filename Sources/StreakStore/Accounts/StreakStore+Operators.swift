internal import Postgres
package import StreakDomain

/// What operators do to accounts. Each act is stored in one transaction with its audit event, so
/// that none is silent. The acts return nil if there is no such account.
extension StreakStore {
  private static let setLock = Statement(
    .write, "UPDATE users SET locked_at = coalesce(locked_at, $2) WHERE user_id = $1")
  private static let removeLock = Statement(
    .write, "UPDATE users SET locked_at = NULL WHERE user_id = $1 AND locked_at IS NOT NULL")

  /// Locks an account, so that no sign-in succeeds, revokes its credentials and notifies every
  /// server.
  ///
  /// - Returns: How many devices were signed out.
  package func lockAccount(
    _ userID: Identifier, at now: Instant, _ event: AuditEventRecord
  ) async throws(StoreError) -> Int32? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      try await transaction.execute(Self.setLock, .identifier(userID), .instant(now))
      let count = try await Self.signOut(nil, of: userID, by: transaction)
      try await Self.recordAudit(event, by: transaction)
      return count
    }
  }

  /// Unlocks an account.
  ///
  /// - Returns: Whether it was locked.
  package func unlockAccount(_ userID: Identifier, _ event: AuditEventRecord) async throws(StoreError) -> Bool? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      let count = try await transaction.execute(Self.removeLock, .identifier(userID))
      try await Self.recordAudit(event, by: transaction)
      return count == 1
    }
  }

  /// Revokes the credentials of every device of an account, and notifies every server.
  ///
  /// - Returns: How many devices were signed out.
  package func signOutAccount(_ userID: Identifier, _ event: AuditEventRecord) async throws(StoreError) -> Int32? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      let count = try await Self.signOut(nil, of: userID, by: transaction)
      try await Self.recordAudit(event, by: transaction)
      return count
    }
  }
}
