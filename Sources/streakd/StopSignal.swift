import EventLoop
import Glibc
import Synchronization

/// Waits for SIGTERM or SIGINT. A second signal ends the process at once. A second signal within a
/// second counts as the first one, because `timeout` and a terminal send it to a program and to its
/// process group.
final class StopSignal: Sendable {
  /// A second signal within this many nanoseconds counts as the first one.
  private static let sameSignalNanoseconds: UInt64 = 1_000_000_000

  private struct State {
    var receivedAt: UInt64?
    var isServing = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())
  private let loop: EventLoop
  private let startGraceMilliseconds: UInt64
  private let watchers = Mutex<[LoopBound<SignalWatcher>]>([])
  private let deadline = Mutex<LoopBound<LoopTimer>?>(nil)

  /// - Parameter startGraceMilliseconds: How long a start may take to react to the signal; then the
  ///   process ends at once.
  init(loop: EventLoop, startGraceMilliseconds: UInt64) async {
    self.loop = loop
    self.startGraceMilliseconds = startGraceMilliseconds
    let watchers = await Task(executorPreference: loop) {
      [SIGTERM, SIGINT].map { number in
        LoopBound(SignalWatcher(loop: loop, number: number) { [self] in receive() }, loop: loop)
      }
    }.value
    self.watchers.withLock { $0 = watchers }
  }

  var wasReceived: Bool { state.withLock { $0.receivedAt != nil } }

  /// - Throws: `StoppedDuringStart` once a signal has come.
  func check() throws(StoppedDuringStart) {
    if wasReceived { throw StoppedDuringStart() }
  }

  /// Ends the start phase, and suspends until a signal has come.
  func wait() async {
    await withCheckedContinuation { continuation in
      let wasReceived = state.withLock { state in
        state.isServing = true
        if state.receivedAt == nil { state.waiters.append(continuation) }
        return state.receivedAt != nil
      }
      if wasReceived { continuation.resume() }
    }
  }

  /// Restores the signals' default actions.
  func close() async {
    let watchers = watchers.withLock { watchers in
      defer { watchers = [] }
      return watchers
    }
    await Task(executorPreference: loop) {
      for watcher in watchers { watcher.value.close() }
      self.deadline.withLock { $0 = nil }
    }.value
  }

  /// Called on the loop.
  private func receive() {
    let now = MonotonicClock.nowNanoseconds
    let (waiters, isServing) = state.withLock { state -> ([CheckedContinuation<Void, Never>], Bool) in
      if let first = state.receivedAt {
        // The private PostgreSQL ends with this process: see `PrivateCluster`.
        if now - first > Self.sameSignalNanoseconds { _exit(1) }
        return ([], true)
      }
      state.receivedAt = now
      defer { state.waiters = [] }
      return (state.waiters, state.isServing)
    }
    for waiter in waiters { waiter.resume() }
    guard !isServing else { return }
    let timer = loop.schedule(afterMilliseconds: startGraceMilliseconds) { [self] in
      if !state.withLock({ $0.isServing }) { _exit(1) }
    }
    deadline.withLock { $0 = LoopBound(timer, loop: loop) }
  }
}

/// The program received a signal before it served calls.
struct StoppedDuringStart: Error {}
