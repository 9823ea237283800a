internal import CLibuv
internal import Synchronization

/// For how long a loop goes on looking for events instead of sleeping. Loop-confined.
///
/// Waking a sleeping thread costs the waker a system call and an idle core tens of microseconds,
/// and the thread finds the caches cold. A loop that knows that its only caller waits for an answer
/// within a fraction of a millisecond does better to stay awake, as the kernel does with
/// `net.core.busy_poll`. One loop of the process at a time, and none where there is a single core:
/// whoever is to answer needs one as well.
struct BusyPolling {
  /// Polling in vain is followed by so many times as long without: where answers always take
  /// longer, a twentieth of a core is lost.
  static let restFactor: UInt64 = 20

  /// Whether a loop of this process polls.
  private static let isTaken = Atomic<Bool>(false)
  private static let isPossible = uv_available_parallelism() > 1

  private(set) var counts = BusyPollCounts()
  /// When it gives up; nil: it sleeps.
  private(set) var endNanoseconds: UInt64?
  private var durationNanoseconds: UInt64 = 0
  private var restEndNanoseconds: UInt64 = 0

  /// Begins, or goes on from here, unless it may not.
  mutating func begin(atNanoseconds now: UInt64, durationNanoseconds: UInt64) {
    guard durationNanoseconds > 0 else { return end() }
    if endNanoseconds == nil {
      guard now >= restEndNanoseconds, Self.isPossible,
        Self.isTaken.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
      else { return }
      counts.begun += 1
    }
    self.durationNanoseconds = durationNanoseconds
    endNanoseconds = now &+ durationNanoseconds
  }

  /// What was waited for has come, or somebody else needs the core.
  mutating func end() {
    guard endNanoseconds != nil else { return }
    endNanoseconds = nil
    Self.isTaken.store(false, ordering: .relaxed)
  }

  /// Whether to look again; gives up when the time is over.
  mutating func goesOn(atNanoseconds now: UInt64) -> Bool {
    guard let endNanoseconds else { return false }
    if now < endNanoseconds { return true }
    end()
    counts.inVain += 1
    restEndNanoseconds = now &+ durationNanoseconds &* Self.restFactor
    return false
  }
}

/// How often a loop has stayed awake.
public struct BusyPollCounts: Sendable, Equatable {
  public internal(set) var begun = 0
  /// Until the time was over: nothing more came.
  public internal(set) var inVain = 0

  public init() {}

  /// Adds another loop's.
  public mutating func add(_ other: BusyPollCounts) {
    begun += other.begun
    inVain += other.inVain
  }
}

extension EventLoop {
  /// Stays awake until `endBusyPolling()`, for a limited time. Loop thread only.
  ///
  /// Nothing happens if another loop of the process does so already, if the time was not enough
  /// just before, or on a single core.
  /// - Parameter microseconds: The limit; 0: sleep as ever.
  public func pollBusily(microseconds: Int) {
    preconditionIsCurrent()
    busyPolling.begin(
      atNanoseconds: MonotonicClock.nowNanoseconds, durationNanoseconds: UInt64(clamping: microseconds) &* 1_000)
  }

  /// Sleeps again when there is nothing to do. Loop thread only; does nothing if it does so
  /// already.
  public func endBusyPolling() {
    preconditionIsCurrent()
    busyPolling.end()
  }

  /// Loop thread only.
  public var busyPollCounts: BusyPollCounts { busyPolling.counts }

  /// Whether the loop stays awake.
  var isPollingBusily: Bool { busyPolling.endNanoseconds != nil }
}
