internal import CLibuv
internal import Synchronization

/// How long a loop keeps polling for events instead of sleeping. Loop-confined.
///
/// Waking a sleeping thread costs the waking thread a system call and an idle core tens of
/// microseconds, and the woken thread finds the caches cold. When a loop's only caller waits for an
/// answer within a fraction of a millisecond, staying awake is cheaper, as the kernel's
/// `net.core.busy_poll` does it. Only one loop of the process polls at a time, and none on a single
/// core: the process that answers needs a core as well.
struct BusyPolling {
  /// After a poll without an event, the loop does not poll for this many times the poll's duration.
  /// Where answers always take longer than the limit, polling so costs a twentieth of a core.
  static let restFactor: UInt64 = 20

  /// Whether one of the process's loops is polling.
  private static let isTaken = Atomic<Bool>(false)
  private static let isPossible = uv_available_parallelism() > 1

  private(set) var counts = BusyPollCounts()
  /// When polling stops; nil: the loop is not polling.
  private(set) var endNanoseconds: UInt64?
  private var durationNanoseconds: UInt64 = 0
  private var restEndNanoseconds: UInt64 = 0

  /// Starts polling, or moves the end of polling to `now` plus the duration, unless polling is not
  /// allowed.
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

  /// The awaited event has arrived, or other work needs the core.
  mutating func end() {
    guard endNanoseconds != nil else { return }
    endNanoseconds = nil
    Self.isTaken.store(false, ordering: .relaxed)
  }

  /// Whether to poll once more; ends polling when its time is over.
  mutating func continues(atNanoseconds now: UInt64) -> Bool {
    guard let endNanoseconds else { return false }
    if now < endNanoseconds { return true }
    end()
    counts.inVain += 1
    restEndNanoseconds = now &+ durationNanoseconds &* Self.restFactor
    return false
  }
}

/// How often a loop has polled instead of sleeping.
public struct BusyPollCounts: Sendable, Equatable {
  public internal(set) var begun = 0
  /// Polls that ended because their time was over, without an event.
  public internal(set) var inVain = 0

  public init() {}

  /// Adds the counts of another loop.
  public mutating func add(_ other: BusyPollCounts) {
    begun += other.begun
    inVain += other.inVain
  }
}

extension EventLoop {
  /// Polls until `endBusyPolling()`, for a limited time. Loop thread only.
  ///
  /// Does nothing if another loop of the process is polling, if the last poll ended without an
  /// event just before, or on a single core.
  /// - Parameter microseconds: The limit; 0: never poll.
  public func pollBusily(microseconds: Int) {
    preconditionIsCurrent()
    busyPolling.begin(
      atNanoseconds: MonotonicClock.nowNanoseconds, durationNanoseconds: UInt64(clamping: microseconds) &* 1_000)
  }

  /// Lets the loop sleep again when it has nothing to do. Loop thread only; without effect if the
  /// loop is not polling.
  public func endBusyPolling() {
    preconditionIsCurrent()
    busyPolling.end()
  }

  /// Loop thread only.
  public var busyPollCounts: BusyPollCounts { busyPolling.counts }

  /// Whether the loop is polling.
  var isPollingBusily: Bool { busyPolling.endNanoseconds != nil }
}
