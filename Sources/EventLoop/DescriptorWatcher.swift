internal import CLibuv

/// What a descriptor is ready for, or what to wait for.
public struct Readiness: OptionSet, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }
  /// Reading will not block (also at end of stream and on errors).
  public static let readable = Readiness(rawValue: 1)
  /// Writing will not block.
  public static let writable = Readiness(rawValue: 2)
  /// The socket is broken. Errors are reported whatever is waited for; this stands for a wait that
  /// nothing else ends (urgent data, which cannot come after the end of the stream).
  public static let broken = Readiness(rawValue: 8)
}

/// Calls its owner when a file descriptor becomes readable or writable. Loop-confined.
///
/// The watcher does not own the descriptor: call `close()`, or drop the watcher, before the
/// descriptor is closed.
@safe public final class DescriptorWatcher {
  private let handle: UnsafeMutablePointer<uv_poll_t>
  private let onReady: (Readiness) -> Void
  private var interest: Readiness = []
  private var isClosed = false

  /// Prepares to watch `descriptor`; nothing is reported until `wait(for:)`.
  /// - Returns: nil when the kernel cannot poll the descriptor.
  public init?(loop: EventLoop, descriptor: Int32, onReady: @escaping (Readiness) -> Void) {
    loop.preconditionIsCurrent()
    unsafe handle = .allocate(capacity: 1)
    self.onReady = onReady
    guard unsafe uv_poll_init(loop.handle, handle, descriptor) == 0 else {
      unsafe handle.deallocate()
      isClosed = true
      return nil
    }
    unsafe handle.pointee.data = unsafe Unmanaged.passUnretained(self).toOpaque()
  }

  deinit { close() }

  /// Sets the readiness to report; replaces the earlier interest. An empty set stops reporting.
  public func wait(for interest: Readiness) {
    guard !isClosed, interest != self.interest else { return }
    self.interest = interest
    guard !interest.isEmpty else {
      unsafe uv_poll_stop(handle)
      return
    }
    start()
  }

  private func start() {
    unsafe uv_poll_start(handle, interest.rawValue) { handle, status, events in
      guard let data = unsafe handle?.pointee.data else { return }
      let watcher = unsafe Unmanaged<DescriptorWatcher>.fromOpaque(data).takeUnretainedValue()
      guard status < 0 else { return watcher.onReady(Readiness(rawValue: events)) }
      // An error is reported as readiness: a later read or write returns the error number, but not
      // necessarily the next one, because bytes may precede a reset. libuv has stopped watching
      // after the error; the owner decides whether to go on watching.
      watcher.start()
      watcher.onReady(watcher.interest)
    }
  }

  /// Stops watching for good.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    unsafe handle.pointee.data = nil
    unsafe closeAndFree(handle)
  }
}
