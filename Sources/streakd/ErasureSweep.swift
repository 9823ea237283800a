import EventLoop
import Logging
internal import struct StreakDomain.Instant
import StreakStore

/// Removes what calls that ran during an erasure wrote after it, at intervals.
struct ErasureSweep: Sendable {
  /// Milliseconds between two sweeps.
  static let intervalMilliseconds: UInt64 = 10_000
  /// A sweep covers erasures up to this old, in seconds: a call that was in progress at an earlier
  /// sweep has ended by then.
  static let coveredSeconds: Int64 = 3_600
  /// The first sweep covers erasures up to this old: servers may have been down for long.
  static let coveredSecondsAtStart: Int64 = 30 * 86_400

  let store: StreakStore
  let loop: EventLoop
  let logger: Logger

  /// Runs until the task is cancelled.
  func start() -> Task<Void, Never> {
    Task(executorPreference: loop) {
      var covered = Self.coveredSecondsAtStart
      while !Task.isCancelled {
        do {
          try await store.sweepErasures(since: .now().advanced(bySeconds: -covered))
          covered = Self.coveredSeconds
        } catch {
          logger.debug("the sweep of erasures failed and is repeated", metadata: ["reason": "\(error)"])
        }
        await loop.sleep(milliseconds: Self.intervalMilliseconds)
      }
    }
  }
}
