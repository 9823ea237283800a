public import struct StreakDomain.Instant

/// The sealed capture of an anonymous session.
public struct StashRecord: Sendable, Equatable {
  /// Its place in the order of the session's captures.
  public var number: Int64
  /// The capture, sealed under the session's secret; nil where only the number was asked for, or
  /// the capture was removed.
  public var sealed: [UInt8]?
  public var stashedAt: Instant

  public init(number: Int64, sealed: [UInt8]?, stashedAt: Instant) {
    self.number = number
    self.sealed = sealed
    self.stashedAt = stashedAt
  }
}
