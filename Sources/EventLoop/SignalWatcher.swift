internal import CLibuv

/// Calls its owner on the loop's thread for every delivery of one signal. Loop-confined.
@safe public final class SignalWatcher {
  private let handle: UnsafeMutablePointer<uv_signal_t>
  private let onSignal: () -> Void
  private var isClosed = false

  /// Starts watching signal `number` (such as `SIGTERM`) in place of its default action.
  public init(loop: EventLoop, number: Int32, onSignal: @escaping () -> Void) {
    loop.preconditionIsCurrent()
    unsafe handle = .allocate(capacity: 1)
    self.onSignal = onSignal
    unsafe EventLoop.must(uv_signal_init(loop.handle, handle), "uv_signal_init")
    unsafe handle.pointee.data = unsafe Unmanaged.passUnretained(self).toOpaque()
    let callback: uv_signal_cb = { handle, _ in
      guard let data = unsafe handle?.pointee.data else { return }
      let watcher = unsafe Unmanaged<SignalWatcher>.fromOpaque(data).takeUnretainedValue()
      watcher.onSignal()
    }
    unsafe EventLoop.must(uv_signal_start(handle, callback, number), "uv_signal_start")
  }

  deinit { close() }

  /// Stops watching; the signal's default action returns with its last watcher.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    unsafe handle.pointee.data = nil
    unsafe closeAndFree(handle)
  }
}
