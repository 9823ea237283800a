internal import CLibuv

/// A timer of one loop. Loop-confined; dropping it cancels it.
@safe public final class LoopTimer {
  private let handle: UnsafeMutablePointer<uv_timer_t>
  private let onFire: () -> Void
  private var isCancelled = false

  /// - Parameters:
  ///   - delayMilliseconds: Time until it first fires.
  ///   - repeatMilliseconds: Time between later firings; 0 fires once.
  init(
    loop: EventLoop, afterMilliseconds delayMilliseconds: UInt64, repeatMilliseconds: UInt64,
    onFire: @escaping () -> Void
  ) {
    loop.preconditionIsCurrent()
    unsafe handle = .allocate(capacity: 1)
    self.onFire = onFire
    unsafe EventLoop.must(uv_timer_init(loop.handle, handle), "uv_timer_init")
    unsafe handle.pointee.data = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe uv_update_time(loop.handle)
    let callback: uv_timer_cb = { handle in
      guard let data = unsafe handle?.pointee.data else { return }
      let timer = unsafe Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue()
      timer.onFire()
    }
    unsafe EventLoop.must(
      uv_timer_start(handle, callback, delayMilliseconds, repeatMilliseconds), "uv_timer_start")
  }

  deinit { cancel() }

  /// Stops the timer; it will not fire again.
  public func cancel() {
    guard !isCancelled else { return }
    isCancelled = true
    unsafe handle.pointee.data = nil
    unsafe closeAndFree(handle)
  }
}

extension EventLoop {
  /// Calls `body` on the loop's thread once `delayMilliseconds` have passed, and again every
  /// `repeatMilliseconds` (0: once), until the timer is cancelled or dropped. Loop thread only.
  public func schedule(
    afterMilliseconds delayMilliseconds: UInt64, repeatMilliseconds: UInt64 = 0, _ body: @escaping () -> Void
  ) -> LoopTimer {
    LoopTimer(
      loop: self, afterMilliseconds: delayMilliseconds, repeatMilliseconds: repeatMilliseconds, onFire: body)
  }

  /// Suspends the calling task for `milliseconds`, or until it is cancelled. Loop thread only.
  public func sleep(milliseconds: UInt64) async {
    let sleeper = LoopBound(Sleeper(), loop: self)
    await withTaskCancellationHandler {
      unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
        unsafe sleeper.value.start(loop: self, milliseconds: milliseconds, continuation)
      }
    } onCancel: {
      execute { sleeper.value.wake() }
    }
  }
}

/// One suspended task and its timer. The timer or the cancellation resumes the task, whichever
/// comes first.
@safe private final class Sleeper {
  private var continuation: UnsafeContinuation<Void, Never>?
  private var timer: LoopTimer?
  private var isAwake = false

  func start(loop: EventLoop, milliseconds: UInt64, _ continuation: UnsafeContinuation<Void, Never>) {
    guard !isAwake else { return unsafe continuation.resume() }
    unsafe self.continuation = continuation
    timer = loop.schedule(afterMilliseconds: milliseconds) { [unowned self] in wake() }
  }

  func wake() {
    isAwake = true
    timer?.cancel()
    timer = nil
    unsafe continuation?.resume()
    unsafe continuation = nil
  }
}
