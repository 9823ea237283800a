public import StreakDomain
internal import Synchronization

/// Counts losses by quotas since the program's start. Any thread.
final class QuotaMeter: Sendable {
  private let counts = Mutex(QuotaCounts())

  func count(_ more: QuotaCounts) {
    guard more != QuotaCounts() else { return }
    counts.withLock { $0 += more }
  }

  var current: QuotaCounts { counts.withLock { $0 } }
}

extension StreakStore {
  /// Losses by quotas since the program's start.
  public var quotaCounts: QuotaCounts { quotaMeter.current }
}
