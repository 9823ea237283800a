internal import Glibc

/// The machine's monotonic clock, read at every call: for durations below the resolution of the
/// loop's clock.
public enum MonotonicClock {
  /// Nanoseconds from an arbitrary start. A read costs about 25 ns: it is no system call.
  public static var nowNanoseconds: UInt64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) &* 1_000_000_000 &+ UInt64(now.tv_nsec)
  }
}
