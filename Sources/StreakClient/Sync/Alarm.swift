internal import Synchronization

/// Lets one task wait until a time or a signal, whichever comes first.
final class Alarm: Sendable {
  private struct State {
    /// A signal came while no task waited.
    var isRung = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// Ends the wait, or the next one if no task waits.
  func ring() {
    let waiter = state.withLock { state in
      let waiter = state.waiter
      state.waiter = nil
      if waiter == nil { state.isRung = true }
      return waiter
    }
    waiter?.resume()
  }

  /// Returns after that time, at a signal, immediately if there was a signal since the last wait,
  /// or when the task is cancelled. One caller at a time.
  func wait(milliseconds: Int64, _ clock: any ClientClock) async {
    let timer = Task {
      await clock.sleep(milliseconds: milliseconds)
      if !Task.isCancelled { ring() }
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { waiter in
        let isRung = state.withLock { state in
          if state.isRung {
            state.isRung = false
            return true
          }
          state.waiter = waiter
          return false
        }
        if isRung { waiter.resume() }
      }
    } onCancel: {
      ring()
    }
    timer.cancel()
  }
}
