package import struct StreakDomain.Instant
internal import StreakStore

/// When backups are made: once a day, at a full hour of UTC. A missed run is made up for at once.
package struct BackupSchedule: Sendable {
  /// 0 to 23.
  package let hour: Int

  static let daySeconds: Int64 = 86_400
  /// After a failure, the wait before the next attempt, in seconds.
  package static let retrySeconds: Int64 = 900

  /// How long a backup may be due before operators are warned, in seconds. This covers a failure, a
  /// hang, and a wait for another program's backup that hangs.
  package static let overdueSeconds: Int64 = 21_600

  package init(hour: Int) {
    precondition((0...23).contains(hour))
    self.hour = hour
  }

  /// Whether a backup is due.
  ///
  /// - Parameter last: When the last good backup began; nil if there is none.
  package func isDue(at now: Instant, last: Instant?) -> Bool {
    guard let last else { return true }
    return last < slot(at: now)
  }

  /// Whether a backup has been due for too long.
  ///
  /// - Parameter started: When this program started to make backups: earlier runs are not missed.
  package func isOverdue(at now: Instant, last: Instant?, since started: Instant) -> Bool {
    guard isDue(at: now, last: last) else { return false }
    let firstMissed = last.map { slot(at: $0).advanced(bySeconds: Self.daySeconds) } ?? started
    return now.seconds - max(firstMissed.seconds, started.seconds) >= Self.overdueSeconds
  }

  /// The last scheduled time at or before `now`.
  func slot(at now: Instant) -> Instant {
    let offset = Int64(hour) * 3_600
    let seconds = now.seconds - offset
    let day = seconds >= 0 ? seconds / Self.daySeconds : (seconds - Self.daySeconds + 1) / Self.daySeconds
    return Instant(seconds: day * Self.daySeconds + offset)
  }
}
