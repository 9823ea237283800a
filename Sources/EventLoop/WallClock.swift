internal import Glibc

/// The machine's wall clock.
public enum WallClock {
  /// Microseconds since 1970.
  public static var nowMicroseconds: Int64 {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
  }

  /// Milliseconds since 1970.
  public static var nowMilliseconds: Int64 { nowMicroseconds / 1_000 }
}
