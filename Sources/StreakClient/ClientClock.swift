internal import Glibc
public import StreakDomain

/// The time, the time zone, and durations.
public protocol ClientClock: Sendable {
  /// The wall clock.
  var now: Instant { get }
  /// A monotonic clock.
  var monotonicMilliseconds: Int64 { get }
  /// The device's zone and its offset at a moment.
  func zone(at instant: Instant) -> (name: String, utcOffsetSeconds: Int32)
  /// Returns after that time, or at once when the task is cancelled.
  func sleep(milliseconds: Int64) async
}

extension ClientClock {
  /// The local time of a moment, in the device's zone.
  func localTime(at moment: Instant, dayStartMinutes: Int32) -> ClientTime {
    let zone = zone(at: moment)
    return ClientTime(
      occurredAt: moment, zone: zone.name, utcOffsetSeconds: zone.utcOffsetSeconds,
      dayStartMinutes: dayStartMinutes)
  }

  /// The middle of a day in the person's local time, for days that are entered afterwards.
  func localTime(inTheMiddleOf day: Day, dayStartMinutes: Int32) -> ClientTime {
    let local = Instant(seconds: Int64(day.number) * 86_400 + Int64(dayStartMinutes) * 60 + 43_200)
    // The offset at that time, which may differ from the current one. The middle of the day is half
    // a day away from its borders, more than any change of the offset.
    let guess = local.advanced(bySeconds: -Int64(zone(at: local).utcOffsetSeconds))
    let moment = local.advanced(bySeconds: -Int64(zone(at: guess).utcOffsetSeconds))
    return localTime(at: moment, dayStartMinutes: dayStartMinutes)
  }
}

/// The machine's clocks and zone.
public struct SystemClock: ClientClock {
  /// Nil if the zone's name is unknown; then the offset is used instead.
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
    // Historic local mean times may have offsets that the service does not accept; each is within
    // one day.
    let range = ClientTime.utcOffsetSecondsRange
    let offset = min(max(Int32(clamping: local.tm_gmtoff), range.lowerBound), range.upperBound)
    return (zoneName ?? SystemZone.name(ofOffsetSeconds: offset), offset)
  }

  public func sleep(milliseconds: Int64) async {
    try? await Task.sleep(nanoseconds: UInt64(max(0, min(milliseconds, 86_400_000))) * 1_000_000)
  }
}
