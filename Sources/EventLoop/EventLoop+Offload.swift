internal import CLibuv

extension EventLoop {
  /// Runs blocking or long `work` on libuv's thread pool while the loop goes on, and returns its
  /// result. Loop thread only.
  ///
  /// All loops share the pool (`UV_THREADPOOL_SIZE` threads, 4 unless set); callers limit the work
  /// they submit.
  public func offload<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
    preconditionIsCurrent()
    return unsafe await withUnsafeContinuation { (continuation: UnsafeContinuation<Result, Never>) in
      offloadCount += 1
      let request = OffloadRequest { () -> () -> Void in
        let result = work()
        return {
          self.offloadCount -= 1
          unsafe continuation.resume(returning: result)
        }
      }
      request.submit(to: self)
    }
  }
}

/// One piece of work on the thread pool; alive from `submit(to:)` until its completion has run on
/// the loop.
@safe private final class OffloadRequest {
  private let handle: UnsafeMutablePointer<uv_work_t>
  private let work: () -> () -> Void
  private var completion: (() -> Void)?

  init(_ work: @escaping () -> () -> Void) {
    unsafe handle = .allocate(capacity: 1)
    self.work = work
  }

  deinit { unsafe handle.deallocate() }

  func submit(to loop: EventLoop) {
    unsafe handle.pointee.data = unsafe Unmanaged.passRetained(self).toOpaque()
    let code = unsafe uv_queue_work(
      loop.handle, handle,
      { handle in
        guard let data = unsafe handle?.pointee.data else { return }
        let request = unsafe Unmanaged<OffloadRequest>.fromOpaque(data).takeUnretainedValue()
        request.completion = request.work()
      },
      { handle, _ in
        guard let data = unsafe handle?.pointee.data else { return }
        let request = unsafe Unmanaged<OffloadRequest>.fromOpaque(data).takeRetainedValue()
        request.completion?()
      })
    EventLoop.must(code, "uv_queue_work")
  }
}
