internal import Synchronization

/// What exports may take of the database: each holds a connection and a snapshot for as long as its reader takes.
public struct ExportLimits: Sendable {
  /// Exports under way at the same time, per loop; one more is refused. Keep it below the loop's connections.
  public var runningPerLoopMax = 2
  /// Seconds that one export may take.
  public var secondsMax = 600

  public init() {}
}

/// Counts the exports under way on one loop.
final class ExportSlots: Sendable {
  let limits: ExportLimits
  private let running = Mutex(0)

  init(limits: ExportLimits) { self.limits = limits }

  /// Whether one more may begin; then `give()` must follow.
  func take() -> Bool {
    running.withLock { running in
      guard running < limits.runningPerLoopMax else { return false }
      running += 1
      return true
    }
  }

  func give() { running.withLock { $0 -= 1 } }
}
