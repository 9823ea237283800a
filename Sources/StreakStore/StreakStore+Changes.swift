internal import Postgres
internal import struct StreakDomain.Identifier

extension StreakStore {
  /// Attempts without a lock before the person's row is locked.
  private static let unlockedAttemptsMax = 4

  private static let lock = Statement(.write, "SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE")

  /// Changes a person's data.
  ///
  /// The ordinary way holds no lock over a round trip: what is stored takes effect only if nothing changed since it was loaded. On one loop
  /// a person's changes take turns. Whoever loses several times against other loops or processes waits in line for the row, since the
  /// winner, who hears of his success first, is likely to win again.
  ///
  /// - Parameter attempt: Loads, decides and stores with the statements it is given; nil if somebody else changed the data meanwhile.
  func change<Value: Sendable>(
    _ userID: Identifier, _ attempt: (any StatementRunner) async throws(StoreError) -> Value?
  ) async throws(StoreError) -> Value {
    try await turns.turn(of: userID) { () throws(StoreError) in
      for _ in 0..<Self.unlockedAttemptsMax {
        if let value = try await attempt(database) { return value }
      }
      return try await transaction { transaction throws(StoreError) in
        try await transaction.execute(Self.lock, .identifier(userID))
        guard let value = try await attempt(transaction) else { throw .concurrentChange }
        return .commit(value)
      }
    }
  }
}
