package import Postgres

extension StreakStore {
  /// The state and counters of the database connections. Any thread.
  package func databaseMetrics() async -> PostgresMetrics { await database.metrics() }

  /// The hits and misses of the cache of recently changed users. Any thread.
  package var ledgerCacheMetrics: LedgerCacheMetrics { ledgerCache.metrics }
}
