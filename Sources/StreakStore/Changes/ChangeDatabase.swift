internal import Postgres
internal import StreakDomain

/// The statements of an attempt to change users' data: by any connection, or within a transaction.
protocol ChangeStatements {
  /// Reads the state that the users' calls touch and that is not cached; a user that does not exist
  /// stays without a ledger.
  func load(_ users: [PendingUser], epoch: Epoch, limits: StoreLimits) async throws(StoreError)
  /// Reads the data about whole habits that a decided change needs.
  func loadFullHabits(_ user: PendingUser) async throws(StoreError)
  /// Stores the decided changes in one statement.
  ///
  /// - Parameter isCurrent: Whether the database is still the one that the changes were decided on.
  ///   Change numbers of another one say nothing. Asked when the statement is sent;
  ///   `.concurrentChange` otherwise.
  /// - Returns: The users whose changes took effect: those whose change number was the loaded one.
  func store(
    _ users: [PendingUser], now: Instant, while isCurrent: @escaping () -> Bool
  ) async throws(StoreError) -> Set<Identifier>
}

/// What a change needs of the database: so little that tests can simulate it.
protocol ChangeDatabase: ChangeStatements, SendableMetatype {
  associatedtype Locked: ChangeStatements

  /// Runs `body` in a transaction that holds the lock of the user's row. It has committed when this
  /// returns; if `body` throws, nothing takes effect.
  func withLock(
    of userID: Identifier, _ body: (Locked) async throws(StoreError) -> Void
  ) async throws(StoreError)
}

extension ChangeStatements where Self: StatementRunner {
  func load(_ users: [PendingUser], epoch: Epoch, limits: StoreLimits) async throws(StoreError) {
    try await LoadStatement.readNotices(users, by: self)
    try await LoadStatement.read(users.filter { !$0.isCached }, epoch: epoch, limits: limits, by: self)
    try await LoadStatement.readOutcomes(users, by: self)
    try await LoadStatement.readActivity(users, by: self)
  }

  func loadFullHabits(_ user: PendingUser) async throws(StoreError) {
    try await LoadStatement.readFullHabits(user, by: self)
  }
}

extension Transaction: ChangeStatements {
  /// A transaction has read and locked what it stores, on the one connection that it has.
  func store(
    _ users: [PendingUser], now: Instant, while isCurrent: @escaping () -> Bool
  ) async throws(StoreError) -> Set<Identifier> {
    try await ApplyStatement(users, now: now).run(by: self)
  }
}

extension Database: ChangeDatabase {
  func store(
    _ users: [PendingUser], now: Instant, while isCurrent: @escaping () -> Bool
  ) async throws(StoreError) -> Set<Identifier> {
    try await ApplyStatement(users, now: now).run(by: self, while: isCurrent)
  }

  func withLock(
    of userID: Identifier, _ body: (Transaction) async throws(StoreError) -> Void
  ) async throws(StoreError) {
    try await transacting { transaction throws(StoreError) in
      try await transaction.execute(StreakStore.lockHead, .identifier(userID))
      try await body(transaction)
      return .commit(())
    }
  }
}
