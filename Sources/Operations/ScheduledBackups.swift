internal import PrivateCluster
package import Schema
package import struct StreakDomain.Instant
internal import StreakStore

/// Scheduled backups: makes one when it is due, then cleans up. If several programs share a
/// database, one of them makes it.
package struct ScheduledBackups: Sendable {
  /// Makes a backup, unless its argument, called under the database's lock, returns false.
  package typealias Make =
    @Sendable (
      _ now: Instant, _ isDue: (Instant?) -> Bool
    ) throws(OperationsError) -> Backup?

  private let schedule: BackupSchedule?
  private let folder: String
  private let retentionDays: Int
  private let signingKey: BackupSigningKey
  private let progress: Progress
  private let make: Make

  /// - Parameters:
  ///   - schedule: Nil: a backup is always due.
  ///   - signingKey: Signs the backups.
  package init(
    _ schedule: BackupSchedule?, folder: String, retentionDays: Int, signingKey: BackupSigningKey,
    progress: Progress = Progress(), make: @escaping Make
  ) {
    self.schedule = schedule
    self.folder = folder
    self.retentionDays = retentionDays
    self.signingKey = signingKey
    self.progress = progress
    self.make = make
  }

  /// Scheduled backups of a database.
  package init(
    _ schedule: BackupSchedule?, _ settings: BackupSettings, signingKey: BackupSigningKey, progress: Progress
  ) {
    self.init(
      schedule, folder: settings.folder, retentionDays: settings.retentionDays, signingKey: signingKey,
      progress: progress
    ) {
      now, isDue throws(OperationsError) in
      try BackupMaker(settings, progress: progress, now: { .now() }).run(if: isDue)
    }
  }

  /// Removes the trial restores of killed programs: databases in clear text.
  package static func removeLeftovers(in scratchFolder: String) throws(OperationsError) {
    do throws(PrivateClusterError) {
      try ScratchCluster.removeLeftovers(in: scratchFolder)
    } catch {
      throw .programFailed("\(error)")
    }
  }

  /// Makes the backup and cleans up, if due. Blocks its thread.
  ///
  /// - Returns: The backup and the clean-up's result; nil if none was due, or if another program
  ///   made it.
  package func run(at now: Instant) throws(OperationsError) -> (backup: Backup, cleanUp: PruneOutcome)? {
    let schedule = schedule
    guard let backup = try make(now, { schedule?.isDue(at: now, last: $0) ?? true }) else { return nil }
    let cleanUp = try BackupFolder(folder).prune(
      retentionDays: retentionDays, signers: BackupSigners(of: signingKey), progress: progress, at: now)
    return (backup, cleanUp)
  }
}
