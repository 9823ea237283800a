internal import Glibc

/// The machine's clock, which stands for a device's.
enum WallClock {
  static let millisecondsPerDay: Int64 = 86_400_000

  /// Milliseconds since 1970.
  static func milliseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
