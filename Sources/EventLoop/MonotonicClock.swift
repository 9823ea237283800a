internal import Glibc

/// The machine's clock that never goes back, read anew each time: for durations shorter than the
/// loop's clock can tell apart.
public enum MonotonicClock {
  /// Nanoseconds from an arbitrary start. Costs about 25 ns: the kernel is not entered.
  public static var nowNanoseconds: UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
  }
}
