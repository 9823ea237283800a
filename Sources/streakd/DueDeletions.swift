import EventLoop
import Logging
import StreakServices

/// Erases accounts once their announced deletion is due.
struct DueDeletions: Sendable {
  /// The most milliseconds between two rounds.
  static let intervalMillisecondsMax: UInt64 = 60_000

  let application: StreakApplication
  /// From an announcement to the erasure.
  let delaySeconds: Int
  let loop: EventLoop
  let logger: Logger

  /// Runs until the task is cancelled.
  func start() -> Task<Void, Never> {
    Task(executorPreference: loop) {
      while !Task.isCancelled {
        do {
          let count = try await application.performDueDeletions()
          if count > 0 {
            logger.info("erased accounts whose deletion was announced", metadata: ["accounts": "\(count)"])
          }
        } catch {
          logger.warning("announced deletions failed and are repeated", metadata: ["reason": "\(error)"])
        }
        await loop.sleep(milliseconds: min(Self.intervalMillisecondsMax, UInt64(delaySeconds) * 1_000))
      }
    }
  }
}
