import Testing

@testable import EventLoop

@Suite("Loop lag")
struct LoopLagTests {
  @Test("count and sum cover all measurements, the maximum one to two windows")
  func windows() {
    var lag = LoopLag()
    lag.record(50)
    for _ in 1..<LoopLag.windowCount { lag.record(1) }
    #expect(lag.recentMaxNanoseconds == 50)
    for _ in 0..<LoopLag.windowCount { lag.record(2) }
    #expect(lag.recentMaxNanoseconds == 50)
    lag.record(3)
    #expect(lag.recentMaxNanoseconds == 3)
    #expect(lag.count == 2 * LoopLag.windowCount + 1)
    #expect(lag.sumNanoseconds == UInt64(50 + 599 + 1_200 + 3))
  }

  @Test("a blocked loop is late by the time of the block")
  func blocked() async {
    let thread = EventLoopThread()
    let loop = thread.loop
    let lag = await Task(executorPreference: loop) {
      let meter = LoopLagMeter(loop: loop)
      // Blocks the loop for twice the meter's interval.
      let end = MonotonicClock.nowNanoseconds + 2 * LoopLagMeter.intervalMilliseconds * 1_000_000
      while MonotonicClock.nowNanoseconds < end {}
      while meter.lag.count == 0 { await loop.sleep(milliseconds: 1) }
      return meter.lag
    }.value
    #expect(lag.recentMaxNanoseconds >= 90_000_000)
    thread.stopAndJoin()
  }
}
