internal import Glibc
internal import StreakDomain

/// The time, the time zone, and durations.
public protocol ClientClock: Sendable {
  /// The wall clock, since 1970.
  var milliseconds: Int64 { get }
  /// A monotonic clock.
  var monotonicMilliseconds: Int64 { get }
  /// The device's zone and its offset at a moment.
  func zone(atMilliseconds moment: Int64) -> (name: String, utcOffsetSeconds: Int32)
  /// Returns after that time, or at once when the task is cancelled.
  func sleep(milliseconds: Int64) async
}

extension ClientClock {
  /// The local time of a moment, in the device's zone.
  func localTime(atMilliseconds moment: Int64, dayStartMinutes: Int32) -> LocalTime {
    let zone = zone(atMilliseconds: moment)
    return LocalTime(
      occurredAtMilliseconds: moment, zone: zone.name, utcOffsetSeconds: zone.utcOffsetSeconds,
      dayStartMinutes: dayStartMinutes)
  }

  /// The middle of a day in the person's local time, for days that are entered afterwards.
  func localTime(inTheMiddleOf day: Day, dayStartMinutes: Int32) -> LocalTime {
    let local = Int64(day.number) * 86_400_000 + Int64(dayStartMinutes) * 60_000 + 43_200_000
    // The offset at that time, which may differ from the current one. The middle of the day is half
    // a day away from its borders, more than any change of the offset.
    let guess = local - Int64(zone(atMilliseconds: local).utcOffsetSeconds) * 1_000
    let moment = local - Int64(zone(atMilliseconds: guess).utcOffsetSeconds) * 1_000
    return localTime(atMilliseconds: moment, dayStartMinutes: dayStartMinutes)
  }
}

/// The machine's clocks and zone.
public struct SystemClock: ClientClock {
  /// Nil if the zone's name is unknown; then the offset is used instead.
  private let zoneName: String?

  public init() { zoneName = SystemZone().name }

  public var milliseconds: Int64 { Self.read(CLOCK_REALTIME) }

  public var monotonicMilliseconds: Int64 { Self.read(CLOCK_MONOTONIC) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  public func zone(atMilliseconds moment: Int64) -> (name: String, utcOffsetSeconds: Int32) {
    var seconds = time_t(moment / 1_000)
    var local = tm()
    localtime_r(&seconds, &local)
    // Historic local mean times may have offsets that the service does not accept; each is within
    // one day.
    let range = LocalTime.utcOffsetSecondsRange
    let offset = min(max(Int32(clamping: local.tm_gmtoff), range.lowerBound), range.upperBound)
    return (zoneName ?? SystemZone.name(ofOffsetSeconds: offset), offset)
  }

  public func sleep(milliseconds: Int64) async {
    try? await Task.sleep(nanoseconds: UInt64(max(0, min(milliseconds, 86_400_000))) * 1_000_000)
  }
}
