/// Waits between attempts to connect. The ceiling doubles with every failure. Each wait is drawn
/// from the upper half below the ceiling, so that many processes do not reconnect at the same
/// moment.
public struct ReconnectBackoff: Sendable {
  private let minMilliseconds: UInt64
  private let maxMilliseconds: UInt64
  private var ceilingMilliseconds: UInt64

  /// - Parameters:
  ///   - minMilliseconds: The first ceiling, 1 or more.
  ///   - maxMilliseconds: The last ceiling, at least the first.
  public init(minMilliseconds: UInt64, maxMilliseconds: UInt64) {
    precondition(0 < minMilliseconds && minMilliseconds <= maxMilliseconds)
    self.minMilliseconds = minMilliseconds
    self.maxMilliseconds = maxMilliseconds
    ceilingMilliseconds = minMilliseconds
  }

  /// The next wait, from half the ceiling to the ceiling.
  public mutating func nextDelayMilliseconds(using generator: inout some RandomNumberGenerator) -> UInt64 {
    let ceiling = ceilingMilliseconds
    ceilingMilliseconds = ceiling > maxMilliseconds / 2 ? maxMilliseconds : ceiling * 2
    return UInt64.random(in: (ceiling + 1) / 2...ceiling, using: &generator)
  }

  /// Starts over after a connection was made.
  public mutating func reset() { ceilingMilliseconds = minMilliseconds }
}
