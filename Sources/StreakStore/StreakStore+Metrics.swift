public import Postgres

extension StreakStore {
  /// The state and counters of the database connections. Any thread.
  public func databaseMetrics() async -> PostgresMetrics { await database.metrics() }

  /// The hits and misses of the cache of recently changed users. Any thread.
  public var ledgerCacheMetrics: LedgerCacheMetrics { ledgerCache.metrics }
}
