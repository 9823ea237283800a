extension EventLoop {
  /// Runs `body` on the loop's thread and returns its result. Any task: one that runs on the loop
  /// already goes on there.
  ///
  /// Cancelling the calling task does not reach `body` on another thread; what waits there has its
  /// own way to be told.
  public func run<Result: Sendable>(_ body: @escaping @Sendable () async -> Result) async -> Result {
    if isCurrent { return await body() }
    return await Task(executorPreference: self) { await body() }.value
  }
}
