import Testing

@testable import StreakLoad

@Suite("Arrivals")
struct ArrivalScheduleTests {
  @Test("even arrivals have the rate, from the start")
  func even() {
    var schedule = ArrivalSchedule(rate: 1_000)
    #expect((0..<4).map { _ in schedule.next() } == [0, 1_000_000, 2_000_000, 3_000_000])
  }

  @Test("the loops' arrivals together are those of one loop")
  func shares() {
    var whole = ArrivalSchedule(rate: 3_000)
    var parts = (0..<3).map { ArrivalSchedule(rate: 3_000, loop: $0, loopCount: 3) }
    for _ in 0..<100 {
      for index in parts.indices {
        let (one, other) = (whole.next(), parts[index].next())
        #expect(one.distance(to: other).magnitude <= 1, "\(one) and \(other)")
      }
    }
  }

  @Test("a ramp has half the arrivals of its end rate, and continues without a jump")
  func ramp() {
    var schedule = ArrivalSchedule(rate: 1_000, startRate: 0, rampNanoseconds: 2_000_000_000)
    let times = (0..<3_000).map { _ in schedule.next() }
    #expect(times.count { $0 < 2_000_000_000 } == 1_000)
    #expect(times == times.sorted())
    // Half of the rate after half of the ramp: a quarter of the arrivals before.
    #expect(times.count { $0 < 1_000_000_000 } == 250)
    #expect(times[1_000] == 2_000_000_000 && times[2_000] == 3_000_000_000)
    #expect(schedule.rate(atNanoseconds: 500_000_000) == 250 && schedule.rate(atNanoseconds: 5_000_000_000) == 1_000)
  }

  @Test("independent arrivals have the rate on average and exponential gaps", arguments: UInt64(0)..<8)
  func poisson(seed: UInt64) {
    var schedule = ArrivalSchedule(rate: 10_000, spacing: .poisson, seed: seed)
    let times = (0..<100_000).map { _ in schedule.next() }
    #expect(times == times.sorted())
    let seconds = Double(times[99_999]) / 1e9
    // Ten seconds, within 5 standard deviations of their sum.
    #expect(abs(seconds - 10) < 5 * 10 / 316.2, "seed \(seed): \(seconds) s")
    let gaps = zip(times, times.dropFirst()).map { $1 - $0 }
    let short = Double(gaps.count { $0 < 100_000 }) / Double(gaps.count)
    #expect(abs(short - 0.632) < 0.01, "seed \(seed): \(short) of the gaps are below the mean")
  }

  @Test("the same seed gives the same arrivals, another one others")
  func seeds() {
    func times(_ seed: UInt64) -> [UInt64] {
      var schedule = ArrivalSchedule(rate: 100, spacing: .poisson, seed: seed)
      return (0..<10).map { _ in schedule.next() }
    }
    #expect(times(1) == times(1) && times(1) != times(2))
  }
}
