internal import Glibc

/// A moment on the UTC time scale, in microseconds: what a timestamptz holds.
public struct Moment: Sendable, Hashable, Comparable {
  /// Microseconds since 1970-01-01T00:00:00Z.
  public var microseconds: Int64

  public init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// A moment of whole seconds since 1970-01-01T00:00:00Z.
  public init(seconds: Int64) {
    microseconds = seconds * 1_000_000
  }

  /// The machine's present moment.
  public static func now() -> Moment {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Moment(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
  }

  /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
  public var seconds: Int64 {
    microseconds >= 0 ? microseconds / 1_000_000 : (microseconds - 999_999) / 1_000_000
  }

  /// The moment `seconds` later (earlier if negative).
  public func advanced(bySeconds seconds: Int64) -> Moment {
    Moment(microseconds: microseconds + seconds * 1_000_000)
  }

  public static func < (left: Moment, right: Moment) -> Bool { left.microseconds < right.microseconds }
}
