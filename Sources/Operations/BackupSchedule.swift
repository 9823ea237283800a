public import struct StreakDomain.Instant
internal import StreakStore

/// When backups are made: once a day, at a full hour of UTC. A run that was missed is made up for
/// at once.
public struct BackupSchedule: Sendable {
  /// 0 to 23.
  public let hour: Int

  static let daySeconds: Int64 = 86_400
  /// After a failure, the wait before the next attempt, in seconds.
  public static let retrySeconds: Int64 = 900

  /// How long a backup may be due before operators are warned, in seconds: whether it failed,
  /// hangs, or waits for somebody else's that hangs.
  public static let overdueSeconds: Int64 = 21_600

  public init(hour: Int) {
    precondition((0...23).contains(hour))
    self.hour = hour
  }

  /// Whether a backup is due.
  ///
  /// - Parameter last: When the last good one began; nil if there is none.
  public func isDue(at now: Instant, last: Instant?) -> Bool {
    guard let last else { return true }
    return last < slot(at: now)
  }

  /// Whether a backup has been due for too long.
  ///
  /// - Parameter started: Since when this program looks after it: before, nothing was missed.
  public func isOverdue(at now: Instant, last: Instant?, since started: Instant) -> Bool {
    guard isDue(at: now, last: last) else { return false }
    let firstMissed = last.map { slot(at: $0).advanced(bySeconds: Self.daySeconds) } ?? started
    return now.seconds - max(firstMissed.seconds, started.seconds) >= Self.overdueSeconds
  }

  /// The last moment, at or before `now`, at which a backup was to be made.
  func slot(at now: Instant) -> Instant {
    let offset = Int64(hour) * 3_600
    let seconds = now.seconds - offset
    let day = seconds >= 0 ? seconds / Self.daySeconds : (seconds - Self.daySeconds + 1) / Self.daySeconds
    return Instant(seconds: day * Self.daySeconds + offset)
  }
}
