internal import EventLoop

/// What one call counts on its way. Everything but the duration is also added to the loop's sums at
/// once: a call may last for hours.
struct CallMeter {
  /// Its method's place in the loop's sums.
  private let method: Int
  private let begunNanoseconds = MonotonicClock.nowNanoseconds
  private(set) var receivedBytes = 0
  private(set) var sentBytes = 0

  init(_ method: Int, _ metrics: LoopMetrics) {
    self.method = method
    metrics.begin(method)
  }

  mutating func received(_ bytes: Int, _ metrics: LoopMetrics) {
    receivedBytes += bytes
    metrics.received(bytes, method)
  }

  mutating func sent(_ bytes: Int, _ metrics: LoopMetrics) {
    sentBytes += bytes
    metrics.sent(bytes, method)
  }

  /// To be called once.
  /// - Returns: How long the call took, in nanoseconds.
  func end(_ code: RPCStatusCode, _ metrics: LoopMetrics) -> UInt64 {
    let nanoseconds = MonotonicClock.nowNanoseconds &- begunNanoseconds
    metrics.end(method, code, nanoseconds: nanoseconds)
    return nanoseconds
  }
}
