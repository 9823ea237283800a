internal import Glibc
package import struct StreakDomain.Instant
internal import StreakStore

/// Whether the write-ahead log reaches the repository.
package struct ArchiveHealth: Sendable, Equatable {
  /// When the last log segment was archived; nil: none since PostgreSQL's statistics were reset.
  package var lastArchived: Instant?
  /// Log segments that wait to be archived.
  package var waitingCount = 0
  /// Failed attempts since PostgreSQL's statistics were reset.
  package var failedCount = 0
  /// Why archiving does not work; nil if it works.
  package var failure: String?

  package init() {}
}

extension PointInTime {
  /// The state of archiving; nil if it is not set up. Blocks its thread.
  package func health() throws(OperationsError) -> ArchiveHealth? {
    guard Files.exists(configurationPath), !Files.exists(markerPath) else { return nil }
    let session = try session()
    defer { session.end() }
    let rows = try session.run(
      """
      SELECT coalesce(extract(epoch FROM last_archived_time)::bigint, 0),
        coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false), failed_count,
        (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'), current_setting('archive_mode'),
        coalesce(last_archived_wal, '')
      FROM pg_stat_archiver;
      """)
    guard let row = rows.first, row.count == 6, let seconds = Int64(row[0]), let failed = Int(row[2]),
      let waiting = Int(row[3])
    else { throw .database("no figures about the archive") }
    var health = ArchiveHealth()
    health.lastArchived = seconds == 0 ? nil : Instant(seconds: seconds)
    health.waitingCount = waiting
    health.failedCount = failed
    let archive = try Archive(configuration: configurationPath)
    if let failure = archive.failure {
      health.failure = failure
    } else if row[4] == "off" {
      health.failure = "archiving is off, although it was set up"
    } else if row[1] == "t" {
      health.failure = "the log does not reach the repository: \(waiting) pieces wait; see postgres.log"
    } else {
      health.failure = archive.gap(lastArchived: row[5])
    }
    return health
  }
}
