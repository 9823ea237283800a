internal import Postgres
public import struct StreakDomain.Instant

/// An attempt to make a backup.
public struct BackupRunRecord: Sendable, Equatable {
  public var beganAt: Instant
  public var endedAt: Instant
  /// The backup's name; nil: there is none.
  public var backup: String?
  /// Why there is none, or why it is not verified; nil: it succeeded.
  public var failure: String?
}

extension StreakStore {
  private static let backupRun = Selection(BackupRunColumn.record)
  private static let backupRuns = Statement(
    .read, "SELECT \(backupRun.list()) FROM backup_runs ORDER BY number DESC LIMIT $1")

  /// The last attempts to make a backup, by any program, newest first.
  public func backupRuns(countMax: Int32) async throws(StoreError) -> [BackupRunRecord] {
    try await database.rows(Self.backupRuns, .int32(countMax)) { row throws(DatabaseError) in
      try row.backupRun(Self.backupRun)
    }
  }

  private static let lastGoodBackup = Statement(
    .read, "SELECT began_at FROM backup_runs WHERE backup IS NOT NULL AND failure IS NULL ORDER BY number DESC LIMIT 1")

  /// When the last successful backup began; nil if there is none.
  public func lastGoodBackup() async throws(StoreError) -> Instant? {
    try await database.row(Self.lastGoodBackup) { row throws(DatabaseError) in try row.instant(0) }
  }
}
