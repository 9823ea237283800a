extension EventLoop {
  /// Runs `body` on the loop's thread and returns its result. Callable from any task; a task that
  /// runs on the loop already does not switch threads.
  ///
  /// Cancelling the calling task does not cancel `body` on another thread; a `body` that waits
  /// needs a cancellation of its own.
  public func run<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
    if isCurrent { return await body() }
    return await Task(executorPreference: self) { await body() }.value
  }
}
