import Testing

@testable import StreakLoad

@Suite("Objective")
struct ObjectiveTests {
  @Test("an objective is met at its limit, and not one past it")
  func objective() {
    var latency = Histogram.ofLatencies()
    for _ in 0..<1_000 { latency.record(2_000) }  // exact in its bucket
    let objective = Objective(percentile: 99, milliseconds: 0.002, failedPartMax: 0.01)
    #expect(objective.judge(rate: 100, latency: latency, failed: 10, seconds: 10).isGood)
    #expect(!objective.judge(rate: 100, latency: latency, failed: 11, seconds: 10).isGood)
    #expect(!objective.judge(rate: 100, latency: latency, failed: 0, seconds: 10.3).isGood)
    for _ in 0..<10 { latency.record(2_001) }
    #expect(objective.judge(rate: 101, latency: latency, failed: 0, seconds: 10).isGood)
    latency.record(2_001)
    #expect(!objective.judge(rate: 101, latency: latency, failed: 0, seconds: 10).isGood)
  }
}
