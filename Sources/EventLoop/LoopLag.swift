/// How late a loop came to its timers: what every other event had to wait as well.
public struct LoopLag: Sendable, Equatable {
  /// How often it was measured.
  public private(set) var count = 0
  /// Of all measurements, in nanoseconds.
  public private(set) var sumNanoseconds: UInt64 = 0
  // The two newest windows of `windowCount` measurements; the newer one is not full.
  private var lastWindowMaxNanoseconds: UInt64 = 0
  private var windowMaxNanoseconds: UInt64 = 0

  /// Measurements that belong together.
  static let windowCount = 600

  public init() {}

  /// The largest of the last `windowCount` measurements or more, up to twice as many, in
  /// nanoseconds.
  public var recentMaxNanoseconds: UInt64 { max(lastWindowMaxNanoseconds, windowMaxNanoseconds) }

  /// Takes one measurement.
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

/// Measures a loop's lag by a timer, ten times a second, until it is dropped. Loop-confined.
public final class LoopLagMeter {
  /// Between two measurements. A window of the largest lag is so a minute long.
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
    // libuv counts whole milliseconds: a timer may come a fraction of one early.
    lag.record(now > dueNanoseconds ? now - dueNanoseconds : 0)
    dueNanoseconds = now &+ Self.intervalMilliseconds * 1_000_000
  }
}
