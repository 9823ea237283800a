internal import StreakDomain
internal import Synchronization

/// The limits of exports and imports.
package struct ExportLimits: Sendable {
  /// The most exports at the same time, per loop; one more is refused. Each holds a connection to
  /// the database and a snapshot for as long as its reader takes: keep the number below that of the
  /// loop's connections.
  package var runningPerLoopMax = 2
  /// The most imports at the same time, per loop; one more is refused. Each holds the part of its
  /// document that has arrived.
  package var importsPerLoopMax = 2
  /// The most seconds that one export or import may take.
  package var secondsMax = 600
  /// The least rate at which the client takes or sends a document, in bytes a second. A transfer
  /// for which the server waits `graceSeconds` longer than this rate needs is ended.
  package var bytesPerSecondMin = 8_192
  /// The seconds of waiting that are allowed beyond those of the rate.
  package var graceSeconds = 20

  package init() {}
}

/// Counts the running exports, or the running imports, of one loop.
final class TransferSlots: Sendable {
  private let countMax: Int
  private let running = Mutex(0)

  init(countMax: Int) { self.countMax = countMax }

  /// Whether one more may start; if so, `give()` must follow.
  func take() -> Bool {
    running.withLock { running in
      guard running < countMax else { return false }
      running += 1
      return true
    }
  }

  func give() { running.withLock { $0 -= 1 } }
}

/// The people with a running export or import: each person may have one at a time. One for the
/// process.
final class TransferringPeople: Sendable {
  private let people = Mutex<Set<Identifier>>([])

  /// Whether the person has none running; if so, `give(_:)` must follow.
  func take(_ userID: Identifier) -> Bool { people.withLock { $0.insert(userID).inserted } }

  func give(_ userID: Identifier) { people.withLock { _ = $0.remove(userID) } }
}

/// How a transfer waits for the person's one before it: the client may have ended that one a moment
/// ago, on this connection or on another process's.
enum TransferTurn {
  /// Between two attempts, in milliseconds.
  static let waitMilliseconds: UInt64 = 50
  /// Waits before the transfer is refused.
  static let waitsMax = 20

  /// Attempts again and again until an attempt succeeds.
  ///
  /// - Parameter pause: Waits for `waitMilliseconds`.
  /// - Returns: False if the attempt after the last wait failed as well.
  static func take<Failure: Error>(
    _ attempt: () async throws(Failure) -> Bool, pause: () async -> Void
  ) async throws(Failure) -> Bool {
    for _ in 0..<waitsMax {
      if try await attempt() { return true }
      await pause()
    }
    return try await attempt()
  }
}
