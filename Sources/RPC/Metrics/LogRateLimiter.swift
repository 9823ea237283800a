internal import EventLoop
internal import Synchronization

/// Lets so many log lines through in each second and counts the others, so that a fault that every
/// call meets cannot fill a disk.
public final class LogRateLimiter: Sendable {
  private struct State {
    var secondBegan: UInt64 = 0
    var count = 0
    var suppressed: UInt64 = 0
  }

  private let linesPerSecondMax: Int
  private let state = Mutex(State())

  /// - Parameter linesPerSecondMax: 1 or more.
  public init(linesPerSecondMax: Int) {
    precondition(linesPerSecondMax >= 1)
    self.linesPerSecondMax = linesPerSecondMax
  }

  /// Asks for one line, now.
  /// - Returns: How many were suppressed since the last that was let through; nil if this one is to
  ///   be, too.
  public func take() -> UInt64? { take(atMilliseconds: MonotonicClock.nowNanoseconds / 1_000_000) }

  func take(atMilliseconds now: UInt64) -> UInt64? {
    state.withLock { state in
      if state.count == 0 || now &- state.secondBegan >= 1_000 {
        state.secondBegan = now
        state.count = 0
      }
      guard state.count < linesPerSecondMax else {
        state.suppressed &+= 1
        return nil
      }
      state.count += 1
      defer { state.suppressed = 0 }
      return state.suppressed
    }
  }
}
