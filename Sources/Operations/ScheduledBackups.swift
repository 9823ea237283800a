internal import PrivateCluster
public import Schema
public import struct StreakDomain.Instant
internal import StreakStore

/// Backups by the clock: makes one when it is due, then cleans up. Of several programs that share a
/// database, one makes it.
public struct ScheduledBackups: Sendable {
  /// Makes a backup, unless the question whether one is due, put under the database's lock, is
  /// answered no.
  public typealias Make =
    @Sendable (
      _ now: Instant, _ isDue: (Instant?) -> Bool
    ) throws(OperationsError) -> Backup?

  private let schedule: BackupSchedule?
  private let folder: String
  private let retentionDays: Int
  private let make: Make

  /// - Parameter schedule: Nil: a backup is always due.
  public init(_ schedule: BackupSchedule?, folder: String, retentionDays: Int, make: @escaping Make) {
    self.schedule = schedule
    self.folder = folder
    self.retentionDays = retentionDays
    self.make = make
  }

  /// Of a real database.
  public init(_ schedule: BackupSchedule?, _ settings: BackupSettings, progress: Progress) {
    self.init(schedule, folder: settings.folder, retentionDays: settings.retentionDays) {
      now, isDue throws(OperationsError) in
      try BackupMaker(settings, progress: progress, now: { .now() }).run(if: isDue)
    }
  }

  /// Removes the trial restores of programs that were killed: databases in clear text.
  public static func removeLeftovers(in scratchFolder: String) throws(OperationsError) {
    do throws(PrivateClusterError) {
      try ScratchCluster.removeLeftovers(in: scratchFolder)
    } catch {
      throw .programFailed("\(error)")
    }
  }

  /// Does what is due. Blocks its thread.
  ///
  /// - Returns: The backup and what the clean-up did; nil if none was due, or if another program
  ///   made it.
  public func run(at now: Instant) throws(OperationsError) -> (backup: Backup, cleanUp: PruneOutcome)? {
    let schedule = schedule
    guard let backup = try make(now, { schedule?.isDue(at: now, last: $0) ?? true }) else { return nil }
    return (backup, try BackupFolder(folder).prune(retentionDays: retentionDays, at: now))
  }
}
