internal import Glibc
public import StreakDomain

/// What time it is, where the person is, and how long things take.
public protocol ClientClock: Sendable {
  /// By the wall clock.
  var now: Instant { get }
  /// Of a clock that does not go back.
  var monotonicMilliseconds: Int64 { get }
  /// The device's zone and its offset at a moment.
  func zone(at instant: Instant) -> (name: String, utcOffsetSeconds: Int32)
  /// Returns after that time, or at once when the task is cancelled.
  func sleep(milliseconds: Int64) async
}

extension ClientClock {
  /// A moment as the person lives it here.
  func localTime(at instant: Instant, dayStartMinutes: Int32) -> ClientTime {
    let zone = zone(at: instant)
    return ClientTime(
      occurredAt: instant, zone: zone.name, utcOffsetSeconds: zone.utcOffsetSeconds,
      dayStartMinutes: dayStartMinutes)
  }

  /// The middle of a day of this person's, for days that are entered afterwards.
  func localTime(inTheMiddleOf day: Day, dayStartMinutes: Int32) -> ClientTime {
    let local = Instant(seconds: Int64(day.number) * 86_400 + Int64(dayStartMinutes) * 60 + 43_200)
    // The offset that holds then and not now; half a day is wide enough for any change of it.
    let guess = local.advanced(bySeconds: -Int64(zone(at: local).utcOffsetSeconds))
    let instant = local.advanced(bySeconds: -Int64(zone(at: guess).utcOffsetSeconds))
    return localTime(at: instant, dayStartMinutes: dayStartMinutes)
  }
}

/// The machine's clocks and zone.
public struct SystemClock: ClientClock {
  /// Nil: no name is known; the offset is told.
  private let zoneName: String?

  public init() { zoneName = SystemZone().name }

  public var now: Instant { Instant(milliseconds: Self.read(CLOCK_REALTIME)) }

  public var monotonicMilliseconds: Int64 { Self.read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  public func zone(at instant: Instant) -> (name: String, utcOffsetSeconds: Int32) {
    var seconds = time_t(instant.seconds)
    var local = tm()
    localtime_r(&seconds, &local)
    // Historic local mean times may have offsets that the service does not know; none of them is
    // further than a day.
    let range = ClientTime.utcOffsetSecondsRange
    let offset = min(max(Int32(clamping: local.tm_gmtoff), range.lowerBound), range.upperBound)
    return (zoneName ?? SystemZone.name(ofOffsetSeconds: offset), offset)
  }

  public func sleep(milliseconds: Int64) async {
    try? await Task.sleep(nanoseconds: UInt64(max(0, min(milliseconds, 86_400_000))) * 1_000_000)
  }
}
