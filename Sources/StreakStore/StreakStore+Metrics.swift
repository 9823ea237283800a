public import Postgres

extension StreakStore {
  /// What the connections to the database hold and have done. Any thread.
  public func databaseMetrics() async -> PostgresMetrics { await database.metrics() }
}
