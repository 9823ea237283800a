internal import EventLoop
internal import RPC
internal import enum StreakDomain.Reason

/// Runs large pieces of calls' work, such as the check of a capture of 50,000 entries, in the
/// thread pool, so that the loop continues. Each loop runs one piece at a time, which leaves
/// threads to password hashes. One per loop.
struct LargeWork: Sendable {
  /// The most pieces that wait on one loop; one more is refused.
  static let waitingMax = 256
  /// The most entries of a capture that the loop itself checks: handing over fewer costs more than
  /// checking them.
  static let smallEntriesMax = 200

  private final class State {
    var isRunning = false
    /// In order of arrival.
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state: LoopBound<State>
  private let loop: EventLoop
  private let meter: LimitMeter

  /// Loop thread only.
  init(loop: EventLoop, meter: LimitMeter) {
    self.loop = loop
    self.meter = meter
    state = LoopBound(State(), loop: loop)
  }

  /// Runs one piece in its turn, or at once if it is small.
  /// - Throws: `TOO_MANY_REQUESTS`.
  func run<Value: Sendable>(
    isLarge: Bool, _ work: @escaping @Sendable () -> Value
  ) async throws(RPCStatus) -> Value {
    try await takeTurn(isLarge: isLarge)
    defer { endTurn(isLarge: isLarge) }
    return await offload(isLarge: isLarge, work)
  }

  /// Waits for a turn of several pieces. The wait comes before the transaction, not in it: a
  /// waiting call holds no connection of the database. `endTurn(isLarge:)` must follow.
  /// - Throws: `TOO_MANY_REQUESTS`.
  func takeTurn(isLarge: Bool) async throws(RPCStatus) {
    guard isLarge else { return }
    let state = state.value
    if state.isRunning {
      guard state.waiting.count < Self.waitingMax else {
        meter.count(.captures)
        throw Reason.tooManyRequests.status
      }
      // Resumed by the turn before, which passes its place on.
      await withCheckedContinuation { state.waiting.append($0) }
    }
    state.isRunning = true
  }

  func endTurn(isLarge: Bool) {
    guard isLarge else { return }
    let state = state.value
    if state.waiting.isEmpty { state.isRunning = false } else { state.waiting.removeFirst().resume() }
  }

  /// Runs one piece of a turn, on the loop itself if it is small.
  func offload<Value: Sendable>(isLarge: Bool, _ work: @escaping @Sendable () -> Value) async -> Value {
    isLarge ? await loop.offload(work) : work()
  }
}
