import EventLoop
import Logging
import StreakStore

/// Removes expired data at intervals.
struct Housekeeping: Sendable {
  /// Milliseconds between two rounds.
  static let intervalMilliseconds: UInt64 = 6 * 3_600_000

  let store: StreakStore
  let loop: EventLoop
  let logger: Logger

  /// Runs until the task is cancelled.
  func start() -> Task<Void, Never> {
    Task(executorPreference: loop) {
      while !Task.isCancelled {
        do {
          let count = try await store.forgetOld(at: .now())
          if count > 0 { logger.info("removed expired data", metadata: ["rows": "\(count)"]) }
        } catch {
          logger.warning("housekeeping failed and is repeated", metadata: ["reason": "\(error)"])
        }
        await loop.sleep(milliseconds: Self.intervalMilliseconds)
      }
    }
  }
}
