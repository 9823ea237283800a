internal import Postgres
package import StreakDomain

/// Accounts that an operator has locked: no sign-in succeeds.
extension StreakStore {
  private static let lockHead = Statement(.write, "SELECT FROM heads WHERE user_id = $1 FOR NO KEY UPDATE")
  private static let setLock = Statement(
    .write, "UPDATE users SET locked_at = coalesce(locked_at, $2) WHERE user_id = $1")
  private static let removeLock = Statement(
    .write, "UPDATE users SET locked_at = NULL WHERE user_id = $1 AND locked_at IS NOT NULL")

  /// Locks an account, revokes its credentials and notifies every server.
  ///
  /// - Returns: How many devices were signed out; nil if there is no such account.
  package func lockAccount(_ userID: Identifier, at now: Instant) async throws(StoreError) -> Int32? {
    let isLocked = try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await transaction { transaction throws(StoreError) -> TransactionEnd<Bool> in
        guard try await transaction.execute(Self.lockHead, .identifier(userID)) == 1 else { return .rollBack(false) }
        try await transaction.execute(Self.setLock, .identifier(userID), .instant(now))
        return .commit(true)
      }
    }
    guard isLocked else { return nil }
    // Sign-ins that began before the lock was committed wait for the head, and end before this:
    // each later one sees the lock.
    return try await inTurn(of: [.person(userID)]) { () throws(StoreError) in
      try await transaction { transaction throws(StoreError) -> TransactionEnd<Int32> in
        try await transaction.execute(Self.lockHead, .identifier(userID))
        return .commit(try await Self.signOut(nil, of: userID, by: transaction))
      }
    }
  }

  /// Unlocks an account.
  ///
  /// - Returns: Whether it was locked.
  package func unlockAccount(_ userID: Identifier) async throws(StoreError) -> Bool {
    try await database.execute(Self.removeLock, .identifier(userID)) == 1
  }
}
