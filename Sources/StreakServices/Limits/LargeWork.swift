internal import EventLoop
internal import RPC

/// Runs large pieces of calls' work, such as the check of a capture of 50,000 entries, in the
/// thread pool, so that the loop goes on: one at a time for each loop, so that they leave threads
/// to password hashes. One per loop.
struct LargeWork: Sendable {
  /// Pieces that wait on one loop; one more is refused.
  static let waitingMax = 256
  /// Entries of a capture that are looked at on the loop itself: to hand over fewer costs more than
  /// to look at them.
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

  /// Runs one piece, at once if it is small.
  /// - Throws: `TOO_MANY_REQUESTS`.
  func run<Value: Sendable>(
    isLarge: Bool, _ work: @escaping @Sendable () -> Value
  ) async throws(RPCStatus) -> Value {
    guard isLarge else { return work() }
    let state = state.value
    if state.isRunning {
      guard state.waiting.count < Self.waitingMax else {
        meter.count(.captures)
        throw Refusal.tooManyRequests.status
      }
      // Woken with the place of the piece before.
      await withCheckedContinuation { state.waiting.append($0) }
    }
    state.isRunning = true
    defer {
      if state.waiting.isEmpty { state.isRunning = false } else { state.waiting.removeFirst().resume() }
    }
    return await loop.offload(work)
  }
}
