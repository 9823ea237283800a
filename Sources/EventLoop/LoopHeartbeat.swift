internal import Synchronization

/// When a loop last came to its timers, for threads that must not wait for it.
public final class LoopHeartbeat: Sendable {
  /// On the machine's monotonic clock; 0: the loop gives no signs.
  private let beatNanoseconds = Atomic<UInt64>(0)

  public init() {}

  /// The loop lives. Called on its thread.
  func beat(atNanoseconds now: UInt64) { beatNanoseconds.store(now, ordering: .relaxed) }

  /// The loop gives no more signs, and is not to be missed.
  func end() { beatNanoseconds.store(0, ordering: .relaxed) }

  /// Since the last sign; 0 for a loop that gives none.
  public var silenceMilliseconds: UInt64 {
    let beat = beatNanoseconds.load(ordering: .relaxed)
    let now = MonotonicClock.nowNanoseconds
    return beat == 0 || beat > now ? 0 : (now - beat) / 1_000_000
  }
}
