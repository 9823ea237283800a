/// A moment on the UTC time scale, in microseconds since 1970-01-01T00:00:00Z, like a timestamptz.
public struct Instant: Hashable, Comparable, Sendable {
  /// Microseconds since 1970-01-01T00:00:00Z.
  public var microseconds: Int64

  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// An instant of whole milliseconds since 1970-01-01T00:00:00Z; beyond the range, its first or
  /// last instant.
  public init(milliseconds: Int64) { microseconds = Self.saturated(milliseconds, times: 1_000) }

  /// An instant of whole seconds since 1970-01-01T00:00:00Z; beyond the range, its first or last
  /// instant.
  public init(seconds: Int64) { microseconds = Self.saturated(seconds, times: 1_000_000) }

  /// 1970-01-01T00:00:00Z.
  public static let epoch = Instant(microseconds: 0)

  /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
  public var milliseconds: Int64 { microseconds >= 0 ? microseconds / 1_000 : (microseconds + 1) / 1_000 - 1 }

  /// Seconds since 1970-01-01T00:00:00Z, rounded down.
  public var seconds: Int64 { microseconds >= 0 ? microseconds / 1_000_000 : (microseconds + 1) / 1_000_000 - 1 }

  /// Rounded down to the millisecond, the unit of clients' times and of the ledger's rules.
  public var wholeMilliseconds: Instant { Instant(milliseconds: milliseconds) }

  /// Rounded down to the second.
  public var wholeSeconds: Instant { Instant(seconds: seconds) }

  /// The instant `milliseconds` later (earlier if negative); beyond the range, its first or last
  /// instant.
  public func advanced(byMilliseconds milliseconds: Int64) -> Instant {
    let (sum, overflow) = microseconds.addingReportingOverflow(Self.saturated(milliseconds, times: 1_000))
    return Instant(microseconds: overflow ? (milliseconds < 0 ? .min : .max) : sum)
  }

  /// The instant `seconds` later (earlier if negative); beyond the range, its first or last
  /// instant.
  public func advanced(bySeconds seconds: Int64) -> Instant {
    let (sum, overflow) = microseconds.addingReportingOverflow(Self.saturated(seconds, times: 1_000_000))
    return Instant(microseconds: overflow ? (seconds < 0 ? .min : .max) : sum)
  }

  /// The whole milliseconds since another instant; negative if the other is later.
  public func milliseconds(since other: Instant) -> Int64 {
    let (difference, overflow) = microseconds.subtractingReportingOverflow(other.microseconds)
    return Instant(microseconds: overflow ? (microseconds < 0 ? .min : .max) : difference).milliseconds
  }

  private static func saturated(_ number: Int64, times factor: Int64) -> Int64 {
    let (product, overflow) = number.multipliedReportingOverflow(by: factor)
    guard overflow else { return product }
    let furthest = Int64.max / factor * factor
    return number < 0 ? -furthest : furthest
  }

  public static func < (left: Instant, right: Instant) -> Bool { left.microseconds < right.microseconds }
}
