/// A hybrid logical time: 48 bits of milliseconds since 1970 and a 16-bit counter, so that a later
/// event always has a later time, whatever the wall clock does. Ordered as a number; between equal
/// times the device's id decides.
///
/// Source: Kulkarni et al., "Logical Physical Clocks and Consistent Snapshots in Globally
/// Distributed Databases".
public struct HybridTime: Hashable, Comparable, Sendable {
  /// Milliseconds in the upper 48 bits, the counter in the lower 16.
  public let packed: UInt64

  public init(packed: UInt64) { self.packed = packed }

  /// The first time of a millisecond; moments before 1970 are 0, moments after the year 10889
  /// become the last possible one.
  public init(milliseconds: Int64, counter: UInt16 = 0) {
    packed = UInt64(min(max(milliseconds, 0), Self.millisecondsMax)) << 16 | UInt64(counter)
  }

  /// The first time of an instant's millisecond.
  public init(_ instant: Instant, counter: UInt16 = 0) {
    self.init(milliseconds: instant.milliseconds, counter: counter)
  }

  /// Before every other time.
  public static let zero = HybridTime(packed: 0)

  private static let millisecondsMax: Int64 = 1 << 48 - 1

  /// Milliseconds since 1970.
  public var milliseconds: Int64 { Int64(packed >> 16) }

  /// The next time; stops at the last.
  public var successor: HybridTime { HybridTime(packed: packed == .max ? .max : packed + 1) }

  public static func < (left: HybridTime, right: HybridTime) -> Bool { left.packed < right.packed }
}

/// A device's hybrid logical clock: never goes back, also when the wall clock is set back.
public struct HybridClock: Equatable, Sendable {
  /// The last time issued or observed.
  public private(set) var last: HybridTime

  public init(last: HybridTime = .zero) { self.last = last }

  /// The time of an event that happens now.
  /// - Parameter now: The device's wall clock.
  public mutating func tick(at now: Instant) -> HybridTime {
    last = max(HybridTime(now), last.successor)
    return last
  }

  /// Records a received time, so that all later times are greater.
  public mutating func observe(_ time: HybridTime) { last = max(last, time) }
}

/// The server's treatment of the times that a device states. Only clocks that are ahead are
/// corrected: clocks in the past are ordered as stated.
public struct ClockRules: Sendable {
  /// A device up to this far ahead is accepted as it is, in milliseconds.
  public static let aheadMillisecondsMax: Int64 = 60_000
  /// A device this far ahead is refused, in milliseconds.
  public static let refusedMilliseconds: Int64 = 86_400_000

  /// The server's clock.
  let now: Instant
  /// How far the device's clock is ahead, in milliseconds; 0 within `aheadMillisecondsMax`.
  public let skewMilliseconds: Int64

  /// - Parameter sentAt: The device's clock at sending; nil: not stated.
  public init(now: Instant, sentAt: Instant? = nil) {
    self.now = now
    let ahead = (sentAt ?? now).milliseconds(since: now)
    skewMilliseconds = ahead <= Self.aheadMillisecondsMax ? 0 : ahead
  }

  /// The time by which an operation is ordered: the stated one less the device's skew, and never
  /// later than now.
  /// - Returns: Nil if the clock is so far ahead that the operation is refused.
  public func ordered(_ stated: HybridTime) -> HybridTime? {
    guard skewMilliseconds < Self.refusedMilliseconds else { return nil }
    let milliseconds = stated.milliseconds - skewMilliseconds
    let ahead = milliseconds - max(now.milliseconds, 0)
    if ahead >= Self.refusedMilliseconds { return nil }
    if ahead > Self.aheadMillisecondsMax { return HybridTime(now) }
    return skewMilliseconds == 0
      ? stated
      : HybridTime(milliseconds: milliseconds, counter: UInt16(truncatingIfNeeded: stated.packed))
  }
}
