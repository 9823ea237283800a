internal import EventLoop
public import struct StreakDomain.Instant

extension Instant {
  /// The machine's clock.
  public static func now() -> Instant { Instant(microseconds: WallClock.nowMicroseconds) }
}
