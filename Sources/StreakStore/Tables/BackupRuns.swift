internal import Postgres
internal import StreakDomain

/// The columns of `backup_runs`.
enum BackupRunColumn: Int, TableColumn {
  case number, beganAt, endedAt, backup, failure

  /// The columns of a run's record.
  static let record: [BackupRunColumn] = allCases.filter { $0 != .number }
}

extension BackupRunRecord {
  /// The columns of a record as a list in SQL, in the order of its properties: runs are stored by a
  /// session of psql.
  package static let columnList = BackupRunColumn.record.list()
}

extension Row {
  /// Decodes `BackupRunColumn.record`.
  func backupRun(_ at: Selection<BackupRunColumn>) throws(DatabaseError) -> BackupRunRecord {
    BackupRunRecord(
      beganAt: try instant(at[.beganAt]), endedAt: try instant(at[.endedAt]), backup: try stringOrNull(at[.backup]),
      failure: try stringOrNull(at[.failure]))
  }
}
