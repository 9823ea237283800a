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
  ///
  /// - Parameter random: A random number from 0 to less than 1.
  public mutating func nextDelayMilliseconds(random: Double) -> UInt64 {
    let ceiling = ceilingMilliseconds
    ceilingMilliseconds = ceiling > maxMilliseconds / 2 ? maxMilliseconds : ceiling * 2
    let least = (ceiling + 1) / 2
    return min(ceiling, least + UInt64(random * Double(ceiling - least + 1)))
  }

  /// Starts over after a connection was made.
  public mutating func reset() { ceilingMilliseconds = minMilliseconds }
}
