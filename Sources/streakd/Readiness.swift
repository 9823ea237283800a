import EventLoop
import Logging
import StreakStore
import Synchronization

/// Whether calls can be served: the database takes a write within its time, and its schema has all
/// that this program needs. Found out in the background, so that asking costs nothing.
final class Readiness: Sendable {
  /// How long the database may take to answer, in milliseconds.
  static let answerMilliseconds: UInt64 = 2_000
  /// Between two looks whether an answer is due, in milliseconds.
  private static let lookMilliseconds: UInt64 = 500

  private struct Check {
    /// When the check under way began, on the loop's clock; nil: none is.
    var beganMilliseconds: UInt64?
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

  /// Why calls could not be served as of the last check; nil when they could. Says more than
  /// strangers should hear.
  var failure: String? { check.withLock { $0.failure } }

  /// What an operator should know although calls are served; nil: nothing.
  var warning: String? {
    let unused = store.unusedServers
    return unused.isEmpty ? nil : unused.joined(separator: "; ")
  }

  /// Checks once per `intervalSeconds` (1 or more) until the task is cancelled.
  func watch(intervalSeconds: Int) -> Task<Void, Never> {
    Task(executorPreference: loop) { [self] in
      var due = loop.nowMilliseconds
      while !Task.isCancelled {
        let now = loop.nowMilliseconds
        // One at a time: a database that hangs is not asked again before its answer or the
        // statement's timeout.
        if let began = check.withLock({ $0.beganMilliseconds }) {
          if now >= began + Self.answerMilliseconds {
            note(
              "the database has not confirmed a write for \((now - began) / 1_000) s",
              isSame: "the database has not confirmed")
          }
        } else if now >= due {
          due = now + UInt64(intervalSeconds) * 1_000
          check.withLock { $0.beganMilliseconds = now }
          Task(executorPreference: loop) { [self] in await runCheck() }
        }
        await loop.sleep(milliseconds: Self.lookMilliseconds)
      }
    }
  }

  private func runCheck() async {
    var failure: String?
    do throws(StoreError) {
      if try await store.hasCurrentSchema() {
        try await store.probe()
      } else {
        failure = "the database's schema is older than this program"
      }
    } catch {
      failure = "the database cannot serve: \(error)"
    }
    check.withLock { $0.beganMilliseconds = nil }
    note(failure)
  }

  /// - Parameter prefix: A failure that begins with it is no news.
  private func note(_ failure: String?, isSame prefix: String? = nil) {
    let last = check.withLock { check in
      defer { check.failure = failure }
      return check.failure
    }
    ready.store(failure == nil, ordering: .relaxed)
    guard failure != last else { return }
    if let prefix, last?.hasPrefix(prefix) == true { return }
    if let failure {
      logger.error("not ready", metadata: ["reason": "\(failure)"])
    } else {
      logger.info("ready again")
    }
  }
}
