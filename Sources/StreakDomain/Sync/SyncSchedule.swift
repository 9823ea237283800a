/// When a device syncs by itself: about every five minutes, at once when there is a reason, one
/// sync at a time, and later after failures.
///
/// A value without a clock and without randomness: its owner calls `begin` at the time of
/// `nextAtMilliseconds`, or after an event. Source: Specification.md, "Sync".
public struct SyncSchedule: Equatable, Sendable {
  /// Time between two syncs, in milliseconds.
  public static let intervalMilliseconds: Int64 = 300_000
  /// By which part each pause is shorter or longer at most, so that devices do not sync at the same
  /// time.
  public static let jitter = 0.2
  /// The longest pause after the first failure, in milliseconds; each further failure doubles it,
  /// up to the interval.
  public static let firstBackoffMilliseconds: Int64 = 2_000

  private enum State: Equatable, Sendable {
    case waiting(untilMilliseconds: Int64)
    /// A sync is running. Whether an event has happened since that it may have missed.
    case running(isAgainWanted: Bool)
  }

  private var state: State
  private var failures = 0

  /// A schedule whose timer first fires within one interval: devices that start together, as after
  /// an outage, are spread over it.
  ///
  /// - Parameters:
  ///   - now: A monotonic clock, in milliseconds, the same for all calls.
  ///   - random: A random number from 0 to less than 1.
  public init(now: Int64, random: Double) {
    state = .waiting(untilMilliseconds: now + Int64(random * Double(Self.intervalMilliseconds)))
  }

  /// When to call `begin` next; nil while a sync is running.
  public var nextAtMilliseconds: Int64? {
    if case .waiting(let until) = state { until } else { nil }
  }

  /// The person has changed something, or a hint has arrived. A sync is due at once, or when the
  /// running one has ended. After a failure it waits for its time, so that taps do not cause
  /// attempts while the server is unavailable.
  public mutating func wake(now: Int64) {
    switch state {
    case .waiting(let until): if failures == 0 { state = .waiting(untilMilliseconds: min(until, now)) }
    case .running: state = .running(isAgainWanted: true)
    }
  }

  /// The network is back: earlier failures are ignored.
  public mutating func networkReturned(now: Int64) {
    failures = 0
    wake(now: now)
  }

  /// Whether a sync is to start now; if so, it counts as running until `finish`. Never two at a
  /// time.
  public mutating func begin(now: Int64) -> Bool {
    guard case .waiting(let until) = state, now >= until else { return false }
    state = .running(isAgainWanted: false)
    return true
  }

  /// The sync has ended. After a failure the next one waits for a random time, longer with each
  /// failure, also if one was wanted at once.
  ///
  /// - Parameter random: A random number from 0 to less than 1.
  public mutating func finish(succeeded: Bool, now: Int64, random: Double) {
    guard case .running(let isAgainWanted) = state else { return }
    guard succeeded else {
      let doublings = min(failures, 16)
      failures += 1
      let longest = min(Self.firstBackoffMilliseconds << doublings, Self.intervalMilliseconds)
      state = .waiting(untilMilliseconds: now + longest / 2 + Int64(random * Double(longest - longest / 2)))
      return
    }
    failures = 0
    let pause = Int64(Double(Self.intervalMilliseconds) * (1 + Self.jitter * (2 * random - 1)))
    state = .waiting(untilMilliseconds: isAgainWanted ? now : now + pause)
  }
}
