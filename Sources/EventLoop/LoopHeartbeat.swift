internal import Synchronization

/// When a loop last ran its timers, readable by threads that must not wait for the loop.
public final class LoopHeartbeat: Sendable {
  /// The last beat, on the machine's monotonic clock; 0: the loop does not beat.
  private let beatNanoseconds = Atomic<UInt64>(0)

  public init() {}

  /// Records a beat. Called on the loop's thread.
  func beat(atNanoseconds now: UInt64) { beatNanoseconds.store(now, ordering: .relaxed) }

  /// The loop stops beating on purpose: `silenceMilliseconds` is 0 from now on.
  func end() { beatNanoseconds.store(0, ordering: .relaxed) }

  /// Time since the last beat; 0 for a loop that does not beat.
  public var silenceMilliseconds: UInt64 {
    let beat = beatNanoseconds.load(ordering: .relaxed)
    let now = MonotonicClock.nowNanoseconds
    return beat == 0 || beat > now ? 0 : (now - beat) / 1_000_000
  }
}
