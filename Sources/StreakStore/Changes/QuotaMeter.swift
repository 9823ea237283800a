public import StreakDomain
internal import Synchronization

/// Counts what quotas have cost people, since the program started. Any thread.
final class QuotaMeter: Sendable {
  private let counts = Mutex(QuotaCounts())

  func count(_ more: QuotaCounts) {
    guard more != QuotaCounts() else { return }
    counts.withLock { $0 += more }
  }

  var current: QuotaCounts { counts.withLock { $0 } }
}

extension StreakStore {
  /// What quotas have cost people, since the program started.
  public var quotaCounts: QuotaCounts { quotaMeter.current }
}
