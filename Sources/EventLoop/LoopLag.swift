/// How late a loop ran its timers: every other event of the loop waited as long.
public struct LoopLag: Sendable, Equatable {
  /// Measurements taken.
  public private(set) var count = 0
  /// The sum of all measurements, in nanoseconds.
  public private(set) var sumNanoseconds: UInt64 = 0
  // The maxima of the two newest windows of `windowCount` measurements; the newer window is not
  // full.
  private var lastWindowMaxNanoseconds: UInt64 = 0
  private var windowMaxNanoseconds: UInt64 = 0

  /// Measurements per window.
  static let windowCount = 600

  public init() {}

  /// The largest of at least the last `windowCount` measurements and at most twice as many, in
  /// nanoseconds.
  public var recentMaxNanoseconds: UInt64 { max(lastWindowMaxNanoseconds, windowMaxNanoseconds) }

  /// Adds one measurement.
  mutating func record(_ nanoseconds: UInt64) {
    if count > 0, count % Self.windowCount == 0 {
      lastWindowMaxNanoseconds = windowMaxNanoseconds
      windowMaxNanoseconds = 0
    }
    count += 1
    sumNanoseconds &+= nanoseconds
    windowMaxNanoseconds = max(windowMaxNanoseconds, nanoseconds)
  }
}

/// Measures a loop's lag by a timer, ten times a second, until the meter is dropped. Loop-confined.
public final class LoopLagMeter {
  /// Time between two measurements. A window of `LoopLag` so covers a minute.
  static let intervalMilliseconds: UInt64 = 100

  /// Since the meter was made.
  public private(set) var lag = LoopLag()
  private var timer: LoopTimer?
  private var dueNanoseconds: UInt64
  private let heartbeat: LoopHeartbeat?

  /// - Parameter heartbeat: Beats with each measurement, until the meter is dropped.
  public init(loop: EventLoop, heartbeat: LoopHeartbeat? = nil) {
    let interval = Self.intervalMilliseconds
    let now = MonotonicClock.nowNanoseconds
    dueNanoseconds = now &+ interval * 1_000_000
    self.heartbeat = heartbeat
    heartbeat?.beat(atNanoseconds: now)
    timer = loop.schedule(afterMilliseconds: interval, repeatMilliseconds: interval) { [unowned self] in measure() }
  }

  deinit { heartbeat?.end() }

  private func measure() {
    let now = MonotonicClock.nowNanoseconds
    heartbeat?.beat(atNanoseconds: now)
    // libuv counts whole milliseconds: a timer may fire a fraction of one early.
    lag.record(now > dueNanoseconds ? now - dueNanoseconds : 0)
    dueNanoseconds = now &+ Self.intervalMilliseconds * 1_000_000
  }
}
