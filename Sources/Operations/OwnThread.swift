internal import Glibc
internal import Synchronization

/// Blocking work on a thread of its own.
final class OwnThread<Value: Sendable>: Sendable {
  private final class Job: Sendable {
    let body: @Sendable () -> Value
    let value = Mutex<Value?>(nil)
    init(_ body: @escaping @Sendable () -> Value) { self.body = body }
    func run() {
      let result = body()
      value.withLock { $0 = result }
    }
  }

  private let job: Job
  private let thread: pthread_t

  /// Starts the thread.
  init(_ body: @escaping @Sendable () -> Value) {
    let job = Job(body)
    self.job = job
    thread = startThread { job.run() }
  }

  /// Waits for the thread's end and returns the result. Call it once.
  func join() -> Value {
    pthread_join(thread, nil)
    return job.value.withLock { value in
      guard let value else { preconditionFailure("a worker has ended without its value") }
      return value
    }
  }
}

/// Without a type parameter, so that it can pass through C.
private final class Closure: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Starts a thread, to be joined or detached.
private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
  var thread = pthread_t()
  let code = unsafe pthread_create(
    &thread, nil,
    { argument in
      if let argument = unsafe argument { unsafe Unmanaged<Closure>.fromOpaque(argument).takeRetainedValue().run() }
      return nil
    }, Unmanaged.passRetained(Closure(body)).toOpaque())
  precondition(code == 0, "pthread_create: \(code)")
  return thread
}

/// Starts work on a thread of its own, which nothing waits for.
package func startOwnThread(_ body: @escaping @Sendable () -> Void) {
  pthread_detach(startThread(body))
}

/// Runs blocking work on a thread of its own while the caller's thread does other things.
package func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    pthread_detach(startThread { continuation.resume(returning: body()) })
  }
}
