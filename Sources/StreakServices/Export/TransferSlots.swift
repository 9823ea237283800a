internal import StreakDomain
internal import Synchronization

/// What exports and imports may take.
public struct ExportLimits: Sendable {
  /// Exports under way at the same time, per loop; one more is refused. Each holds a connection to
  /// the database and a snapshot for as long as its reader takes: keep it below the loop's
  /// connections.
  public var runningPerLoopMax = 2
  /// Imports under way at the same time, per loop; one more is refused. Each holds what has arrived
  /// of its document.
  public var importsPerLoopMax = 2
  /// Seconds that one export or import may take.
  public var secondsMax = 600
  /// The least rate at which a document is taken or sent by the client, in bytes a second: beyond
  /// `graceSeconds` of waiting it is ended.
  public var bytesPerSecondMin = 8_192
  /// Seconds of waiting for the client that are granted before the rate counts.
  public var graceSeconds = 20

  public init() {}
}

/// Counts the exports, or the imports, under way on one loop.
final class TransferSlots: Sendable {
  private let countMax: Int
  private let running = Mutex(0)

  init(countMax: Int) { self.countMax = countMax }

  /// Whether one more may begin; then `give()` must follow.
  func take() -> Bool {
    running.withLock { running in
      guard running < countMax else { return false }
      running += 1
      return true
    }
  }

  func give() { running.withLock { $0 -= 1 } }
}

/// The people whose exports or imports are under way: one at a time for a person. One for the
/// process.
final class TransferringPeople: Sendable {
  private let people = Mutex<Set<Identifier>>([])

  /// Whether none of a person is under way; then `give(_:)` must follow.
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
