import EventLoop
import Glibc
import ProgramSupport
import Synchronization

/// Waits for SIGTERM or SIGINT, and does what `StopState` decides.
final class StopSignal: Sendable {
  private struct State {
    var stop = StopState()
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

  var wasReceived: Bool { state.withLock { $0.stop.wasReceived } }

  /// - Throws: `StoppedDuringStart` once a signal has come.
  func check() throws(StoppedDuringStart) {
    if wasReceived { throw StoppedDuringStart() }
  }

  /// Ends the start phase, and suspends until a signal has come.
  func wait() async {
    await withCheckedContinuation { continuation in
      let wasReceived = state.withLock { state in
        state.stop.beginServing()
        if !state.stop.wasReceived { state.waiters.append(continuation) }
        return state.stop.wasReceived
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
    let (answer, waiters) = state.withLock { state in
      defer { state.waiters = [] }
      return (state.stop.receive(at: MonotonicClock.nowNanoseconds), state.waiters)
    }
    for waiter in waiters { waiter.resume() }
    switch answer {
    case .ignore, .stop: return
    // The private PostgreSQL ends with this process: see `PrivateCluster`.
    case .endProcess: _exit(1)
    case .stopStart: break
    }
    let timer = loop.schedule(afterMilliseconds: startGraceMilliseconds) { [self] in
      if state.withLock(\.stop.isStartOverdue) { _exit(1) }
    }
    deadline.withLock { $0 = LoopBound(timer, loop: loop) }
  }
}

/// The program received a signal before it served calls.
struct StoppedDuringStart: Error {}
