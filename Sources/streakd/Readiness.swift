import EventLoop
import Logging
import StreakStore
import Synchronization

/// Whether calls can be served: the database accepts a write within the time limit, and its schema
/// has everything that this program needs. Checked in the background, so that reading the result
/// costs nothing.
final class Readiness: Sendable {
  /// Time limit for the database's answer, in milliseconds.
  static let answerMilliseconds: UInt64 = 2_000
  /// Milliseconds between two checks whether an answer is overdue.
  private static let lookMilliseconds: UInt64 = 500

  private struct Check {
    /// When the running check began, on the loop's clock; nil: none is running.
    var beganMilliseconds: UInt64?
    var failure: String?
  }
  private let check = Mutex(Check())
  private let ready = Atomic(true)
  private let store: StreakStore
  private let loop: EventLoop
  private let logger: Logger

  /// - Parameter loop: One of the store's loops; the checks run on it.
  init(store: StreakStore, loop: EventLoop, logger: Logger) {
    self.store = store
    self.loop = loop
    self.logger = logger
  }

  /// The last check's result.
  var isReady: Bool { ready.load(ordering: .relaxed) }

  /// Why the last check failed; nil if it did not. Not for clients: it may name hosts.
  var failure: String? { check.withLock { $0.failure } }

  /// A warning for the operator that does not keep calls from being served; nil: none.
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
        // One check at a time: a new one starts after the database's answer or the statement's
        // timeout.
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

  /// - Parameter prefix: A failure that begins with it is not logged again.
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
