internal import Postgres
package import StreakDomain

/// Accounts that an operator has locked: no sign-in succeeds.
extension StreakStore {
  private static let setLock = Statement(
    .write, "UPDATE users SET locked_at = coalesce(locked_at, $2) WHERE user_id = $1")
  private static let removeLock = Statement(
    .write, "UPDATE users SET locked_at = NULL WHERE user_id = $1 AND locked_at IS NOT NULL")

  /// Locks an account, revokes its credentials and notifies every server.
  ///
  /// - Returns: How many devices were signed out; nil if there is no such account.
  package func lockAccount(_ userID: Identifier, at now: Instant) async throws(StoreError) -> Int32? {
    try await lockingPerson(userID) { transaction throws(StoreError) in
      try await transaction.execute(Self.setLock, .identifier(userID), .instant(now))
      return try await Self.signOut(nil, of: userID, by: transaction)
    }
  }

  /// Unlocks an account.
  ///
  /// - Returns: Whether it was locked.
  package func unlockAccount(_ userID: Identifier) async throws(StoreError) -> Bool {
    try await database.execute(Self.removeLock, .identifier(userID)) == 1
  }
}
