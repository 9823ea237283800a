public import Postgres

extension StreakStore {
  /// What the connections to the database hold and have done. Any thread.
  public func databaseMetrics() async -> PostgresMetrics { await database.metrics() }

  /// How often the last changes of people spared loading what the next one needed. Any thread.
  public var ledgerCacheMetrics: LedgerCacheMetrics { ledgerCache.metrics }
}
