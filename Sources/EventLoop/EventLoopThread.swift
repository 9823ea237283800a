internal import Glibc

/// A thread that runs one loop. Join it after `loop.stop()`.
public final class EventLoopThread: Sendable {
  /// The loop this thread runs.
  public let loop: EventLoop
  private let thread: pthread_t

  /// Starts the thread.
  public init() {
    let loop = EventLoop()
    self.loop = loop
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(loop).toOpaque()
    let code = unsafe pthread_create(
      &thread, nil,
      { context in
        if let context = unsafe context { unsafe Unmanaged<EventLoop>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context)
    precondition(code == 0, "pthread_create: \(code)")
    self.thread = thread
  }

  /// Stops the loop and waits for its thread to end. Not to be called from the loop itself.
  public func stopAndJoin() {
    loop.stop()
    _ = pthread_join(thread, nil)
  }
}
