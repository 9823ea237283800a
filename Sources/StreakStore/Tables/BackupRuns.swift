internal import Postgres
internal import StreakDomain

/// The columns of `backup_runs`.
enum BackupRunColumn: Int, TableColumn {
  case number, beganAt, endedAt, backup, failure

  /// The columns of a run's record.
  static let record: [BackupRunColumn] = allCases.filter { $0 != .number }
}

extension BackupRunRecord {
  /// SQL that stores a run, for a session of psql. The values are SQL.
  package static func insertText(beganAt: String, endedAt: String, backup: String, failure: String) -> String {
    let run: Insertion<BackupRunColumn> = [
      .beganAt: beganAt, .endedAt: endedAt, .backup: backup, .failure: failure,
    ]
    return "INSERT INTO backup_runs (\(run.columns)) VALUES (\(run.values))"
  }
}

extension Row {
  /// Decodes `BackupRunColumn.record`.
  func backupRun(_ at: Selection<BackupRunColumn>) throws(DatabaseError) -> BackupRunRecord {
    BackupRunRecord(
      beganAt: try instant(at[.beganAt]), endedAt: try instant(at[.endedAt]), backup: try stringOrNull(at[.backup]),
      failure: try stringOrNull(at[.failure]))
  }
}
