internal import CLibuv
internal import Glibc
import Synchronization

/// One libuv loop on one thread, and the Swift task executor of everything that thread owns.
///
/// A loop thread owns its sockets, timers and database connections. A task made with
/// `Task(executorPreference: loop)` runs all its code on that thread, so that code may use
/// loop-confined (not `Sendable`) objects without locks. One turn of the loop is: wait for
/// readiness, run the readiness callbacks, run every job that became ready, run the end-of-turn
/// work (connections write what the turn produced, once).
@safe public final class EventLoop: TaskExecutor, @unchecked Sendable {
  // Sendable because `threadID`, `inbox` and `wakeup` are safe from any thread (atomic, mutex,
  // `uv_async_send`), and every other stored property is touched on the loop's own thread only,
  // which `isCurrent` checks.

  /// Rounds of jobs run before the loop looks at its descriptors again, so that jobs that make jobs
  /// cannot starve I/O.
  static let jobRoundsPerTurnMax = 64

  private struct Inbox {
    var jobs: [UnownedJob] = []
    var closures: [@Sendable () -> Void] = []
    var stopRequested = false
    /// The loop has ended: it takes no more work.
    var hasEnded = false
  }

  // Any thread.
  private let threadID = Atomic<UInt>(0)
  private let inbox = Mutex(Inbox())
  private let wakeup: UnsafeMutablePointer<uv_async_t>
  /// Counts the jobs that other threads left in the inbox. The inbox's Mutex orders these accesses
  /// already. When a thread had to wait for the Mutex, the kernel hands the lock over; the thread
  /// sanitizer does not see that and would report the accesses as a race.
  private let handovers = Atomic<UInt>(0)

  // The loop's thread only.
  let handle: UnsafeMutablePointer<uv_loop_t>
  private let prepare: UnsafeMutablePointer<uv_prepare_t>
  private let check: UnsafeMutablePointer<uv_check_t>
  private let idle: UnsafeMutablePointer<uv_idle_t>
  private var readyJobs: [UnownedJob] = []
  private var runningJobs: [UnownedJob] = []
  private var readyClosures: [() -> Void] = []
  private var endOfTurnWork: [any EndOfTurnWork] = []
  private(set) var idleIsActive = false
  /// Pieces of work that the thread pool has of this loop.
  var offloadCount = 0
  var busyPolling = BusyPolling()
  /// Receive buffer shared by all sockets of this loop: its bytes are valid during one callback.
  let receiveBuffer: UnsafeMutableRawBufferPointer

  /// Bytes one readiness callback reads at most.
  static let receiveBytesMax = 65_536

  /// Creates a loop that does nothing until a thread calls `run()`.
  public init() {
    unsafe handle = .allocate(capacity: 1)
    unsafe wakeup = .allocate(capacity: 1)
    unsafe prepare = .allocate(capacity: 1)
    unsafe check = .allocate(capacity: 1)
    unsafe idle = .allocate(capacity: 1)
    unsafe receiveBuffer = .allocate(byteCount: Self.receiveBytesMax, alignment: 16)
    unsafe Self.must(uv_loop_init(handle), "uv_loop_init")
    let me = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe Self.must(
      uv_async_init(handle, wakeup) { unsafe EventLoop.from($0?.pointee.data)?.takeInbox() }, "uv_async_init")
    unsafe wakeup.pointee.data = me
    unsafe uv_prepare_init(handle, prepare)
    unsafe prepare.pointee.data = me
    unsafe uv_prepare_start(prepare) { unsafe EventLoop.from($0?.pointee.data)?.finishTurn() }
    unsafe uv_check_init(handle, check)
    unsafe check.pointee.data = me
    unsafe uv_check_start(check) { unsafe EventLoop.from($0?.pointee.data)?.finishTurn() }
    unsafe uv_idle_init(handle, idle)
    unsafe idle.pointee.data = me
  }

  deinit {
    unsafe handle.deallocate()
    unsafe wakeup.deallocate()
    unsafe prepare.deallocate()
    unsafe check.deallocate()
    unsafe idle.deallocate()
    unsafe receiveBuffer.deallocate()
  }

  /// Whether the calling thread is this loop's.
  public var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// The loop's clock: milliseconds from an arbitrary start, never going back, read once per turn.
  public var nowMilliseconds: UInt64 { unsafe uv_now(handle) }

  /// Serves the loop on the calling thread until `stop()`.
  ///
  /// Work that the thread pool has of it ends before: the pool uses the loop's memory, and a task
  /// waits for the result. Handles that are still open when it stops are closed without their
  /// callbacks; memory they own is released with them.
  public func run() {
    threadID.store(UInt(pthread_self()), ordering: .relaxed)
    unsafe uv_run(handle, UV_RUN_DEFAULT)
    while offloadCount > 0 { unsafe uv_run(handle, UV_RUN_ONCE) }
    busyPolling.end()
    inbox.withLock { $0.hasEnded = true }
    unsafe uv_close(UnsafeMutableRawPointer(wakeup).assumingMemoryBound(to: uv_handle_t.self), nil)
    unsafe uv_close(UnsafeMutableRawPointer(prepare).assumingMemoryBound(to: uv_handle_t.self), nil)
    unsafe uv_close(UnsafeMutableRawPointer(check).assumingMemoryBound(to: uv_handle_t.self), nil)
    unsafe uv_close(UnsafeMutableRawPointer(idle).assumingMemoryBound(to: uv_handle_t.self), nil)
    unsafe uv_run(handle, UV_RUN_NOWAIT)
    // EBUSY means that a handle is still open. Its owner closes it; the loop's memory is released
    // when the process ends.
    _ = unsafe uv_loop_close(handle)
  }

  /// Asks the loop to end after the current turn. Any thread.
  public func stop() {
    inbox.withLock { inbox in
      inbox.stopRequested = true
      if !inbox.hasEnded { unsafe uv_async_send(wakeup) }
    }
  }

  /// Runs `body` on the loop's thread, in a later step of this or the next turn; never, once the
  /// loop has ended. Any thread.
  public func execute(_ body: @escaping @Sendable () -> Void) {
    if isCurrent {
      readyClosures.append(body)
    } else {
      inbox.withLock { inbox in
        guard !inbox.hasEnded else { return }
        inbox.closures.append(body)
        handovers.wrappingAdd(1, ordering: .releasing)
        unsafe uv_async_send(wakeup)
      }
    }
  }

  /// Called by the Swift runtime with a piece of a task.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      readyJobs.append(job)
    } else {
      inbox.withLock { inbox in
        inbox.jobs.append(job)
        handovers.wrappingAdd(1, ordering: .releasing)
        if !inbox.hasEnded { unsafe uv_async_send(wakeup) }
      }
    }
  }

  /// Runs `work` once, after all jobs of this turn, before the loop waits again. Loop thread only;
  /// the caller keeps track of having asked already.
  public func atEndOfTurn(_ work: any EndOfTurnWork) {
    preconditionIsCurrent()
    endOfTurnWork.append(work)
  }

  /// Traps unless called on the loop's thread. Call it before touching loop-confined state.
  public func preconditionIsCurrent() {
    precondition(isCurrent, "used off its loop's thread")
  }

  /// Moves what other threads left into this thread's queues.
  private func takeInbox() {
    let taken = inbox.withLock { inbox in
      _ = handovers.load(ordering: .acquiring)
      defer {
        inbox.jobs.removeAll(keepingCapacity: true)
        inbox.closures.removeAll(keepingCapacity: true)
      }
      return inbox
    }
    readyJobs.append(contentsOf: taken.jobs)
    for closure in taken.closures { readyClosures.append(closure) }
    if taken.stopRequested { unsafe uv_stop(handle) }
  }

  /// Runs what became ready, then the end-of-turn work, until there is nothing left or the rounds
  /// are used up.
  private func finishTurn() {
    var rounds = 0
    while !(readyJobs.isEmpty && readyClosures.isEmpty && endOfTurnWork.isEmpty) {
      guard rounds < Self.jobRoundsPerTurnMax else { return keepTurning(true) }
      rounds += 1
      runReady()
      if readyJobs.isEmpty && readyClosures.isEmpty && !endOfTurnWork.isEmpty {
        var work: [any EndOfTurnWork] = []
        swap(&work, &endOfTurnWork)
        for item in work { item.endOfTurn() }
        work.removeAll(keepingCapacity: true)
        if endOfTurnWork.isEmpty { swap(&work, &endOfTurnWork) }  // keeps the capacity
      }
    }
    keepTurning(isPollingBusily && busyPolling.continues(atNanoseconds: MonotonicClock.nowNanoseconds))
  }

  private func runReady() {
    let executor = unsafe asUnownedTaskExecutor()
    swap(&readyJobs, &runningJobs)
    for job in runningJobs { unsafe job.runSynchronously(on: executor) }
    runningJobs.removeAll(keepingCapacity: true)
    if !readyClosures.isEmpty {
      var closures: [() -> Void] = []
      swap(&closures, &readyClosures)
      for closure in closures { closure() }
    }
  }

  /// An active idle handle makes libuv poll without waiting.
  private func keepTurning(_ wanted: Bool) {
    guard wanted != idleIsActive else { return }
    idleIsActive = wanted
    if wanted {
      unsafe uv_idle_start(idle) { _ in }
    } else {
      unsafe uv_idle_stop(idle)
    }
  }

  private static func from(_ data: UnsafeMutableRawPointer?) -> EventLoop? {
    unsafe data.map { unsafe Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
  }

  /// For calls that fail only if descriptors or memory run out at start-up.
  static func must(_ code: Int32, _ what: String) {
    precondition(code == 0, "\(what): \(unsafe String(cString: uv_strerror(code)))")
  }
}

/// Work that is done once at the end of a loop's turn, such as writing what the turn produced.
public protocol EndOfTurnWork: AnyObject {
  /// Called on the loop's thread after the jobs of the turn have run.
  func endOfTurn()
}
