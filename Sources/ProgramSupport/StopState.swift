/// What a server does at each signal to stop: decided apart from signals, clocks and timers.
///
/// The first signal stops it. A second signal within a second counts as the first one, because
/// `timeout` and a terminal send it to a program and to its process group; a later one ends the
/// process at once. A start that does not react in time ends with the process.
package struct StopState: Sendable {
  package enum Answer: Equatable, Sendable {
    /// It is the first one again.
    case ignore
    /// The service stops.
    case stop
    /// The start stops, and has a limited time for it.
    case stopStart
    case endProcess
  }

  /// A second signal within this many nanoseconds counts as the first one.
  package static let sameSignalNanoseconds: UInt64 = 1_000_000_000

  private var receivedAt: UInt64?
  private var isServing = false

  package init() {}

  package var wasReceived: Bool { receivedAt != nil }
  /// Whether the process has to end because its start did not react in time.
  package var isStartOverdue: Bool { wasReceived && !isServing }

  /// The start is over.
  package mutating func beginServing() { isServing = true }

  /// - Parameter now: A moment of a monotonic clock, in nanoseconds.
  package mutating func receive(at now: UInt64) -> Answer {
    if let receivedAt { return now - receivedAt > Self.sameSignalNanoseconds ? .endProcess : .ignore }
    receivedAt = now
    return isServing ? .stop : .stopStart
  }
}
