import EventLoop
import Glibc
import Synchronization

/// Waits for SIGTERM or SIGINT. A second one ends the process at once.
final class StopSignal: Sendable {
  private struct State {
    var wasReceived = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())
  private let loop: EventLoop
  private let watchers = Mutex<[LoopBound<SignalWatcher>]>([])

  init(loop: EventLoop) async {
    self.loop = loop
    let watchers = await Task(executorPreference: loop) {
      [SIGTERM, SIGINT].map { number in
        LoopBound(SignalWatcher(loop: loop, number: number) { [self] in receive() }, loop: loop)
      }
    }.value
    self.watchers.withLock { $0 = watchers }
  }

  var wasReceived: Bool { state.withLock { $0.wasReceived } }

  /// Suspends until a signal has come.
  func wait() async {
    await withCheckedContinuation { continuation in
      let wasReceived = state.withLock { state in
        if !state.wasReceived { state.waiters.append(continuation) }
        return state.wasReceived
      }
      if wasReceived { continuation.resume() }
    }
  }

  /// Gives the signals their default action back.
  func close() async {
    let watchers = watchers.withLock { watchers in
      defer { watchers = [] }
      return watchers
    }
    await Task(executorPreference: loop) { for watcher in watchers { watcher.value.close() } }.value
  }

  private func receive() {
    let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      if state.wasReceived { _exit(1) }
      state.wasReceived = true
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}
