import EventLoop
import Logging
import StreakStore
import Synchronization

/// Whether calls can be served: the database answers and its schema has all that this program needs. Found out in the background, so that asking costs
/// nothing.
final class Readiness: Sendable {
  /// How long the database may take to answer, in milliseconds.
  static let answerMilliseconds: UInt64 = 1_000

  private struct Check {
    var isUnderWay = false
    var failure: String?
  }
  private let check = Mutex(Check())
  private let ready = Atomic(true)
  private let store: StreakStore
  private let loop: EventLoop
  private let logger: Logger

  /// - Parameter loop: One of the store's; the checks are made on it.
  init(store: StreakStore, loop: EventLoop, logger: Logger) {
    self.store = store
    self.loop = loop
    self.logger = logger
  }

  /// As of the last check.
  var isReady: Bool { ready.load(ordering: .relaxed) }

  /// Why calls could not be served as of the last check; nil when they could. Says more than strangers should hear.
  var failure: String? { check.withLock { $0.failure } }

  /// Checks once per `intervalSeconds` (1 or more) until the task is cancelled.
  func watch(intervalSeconds: Int) -> Task<Void, Never> {
    Task(executorPreference: loop) { [self] in
      while !Task.isCancelled {
        startCheck()
        await loop.sleep(milliseconds: Self.answerMilliseconds)
        if check.withLock({ $0.isUnderWay }) { note("the database does not answer within a second") }
        await loop.sleep(milliseconds: UInt64(intervalSeconds) * 1_000 - Self.answerMilliseconds)
      }
    }
  }

  /// One at a time: a database that hangs is not asked again before its answer or the statement's timeout.
  private func startCheck() {
    let isUnderWay = check.withLock { check in
      defer { check.isUnderWay = true }
      return check.isUnderWay
    }
    guard !isUnderWay else { return }
    Task(executorPreference: loop) { [self] in
      var failure: String?
      do throws(StoreError) {
        if try await !store.hasCurrentSchema() { failure = "the database's schema is older than this program" }
      } catch {
        failure = "the database cannot be asked: \(error)"
      }
      check.withLock { $0.isUnderWay = false }
      note(failure)
    }
  }

  private func note(_ failure: String?) {
    let last = check.withLock { check in
      defer { check.failure = failure }
      return check.failure
    }
    ready.store(failure == nil, ordering: .relaxed)
    guard failure != last else { return }
    if let failure {
      logger.error("not ready", metadata: ["reason": "\(failure)"])
    } else {
      logger.info("ready again")
    }
  }
}
