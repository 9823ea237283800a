import SplitMix
import StreakDomain
import Testing

@Suite struct SyncScheduleTests {
  private let interval = SyncSchedule.intervalMilliseconds

  private func expect(
    _ schedule: inout SyncSchedule, begins: Bool, at now: Int64, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let hasBegun = schedule.begin(now: now)
    #expect(hasBegun == begins, comment, sourceLocation: sourceLocation)
  }

  @Test("C90: a timer that fires during a sync starts no second one")
  func oneInFlight() {
    var random = SplitMix64(seed: 1)
    var schedule = SyncSchedule(now: 0, random: .random(in: 0..<1, using: &random))
    schedule.wake(now: 10)
    #expect(schedule.nextAtMilliseconds == 10)
    expect(&schedule, begins: false, at: 9)
    expect(&schedule, begins: true, at: 10)
    for later in [11, interval, 10 * interval] { expect(&schedule, begins: false, at: later) }
    #expect(schedule.nextAtMilliseconds == nil)
    schedule.finish(succeeded: true, now: 10 * interval, random: .random(in: 0..<1, using: &random))
    expect(&schedule, begins: false, at: 10 * interval + 1)
  }

  @Test("C90: a thousand devices that start together are spread, and stay so, on average every five minutes")
  func spread() {
    var random = SplitMix64(seed: 2)
    var schedules = (0..<1_000).map { _ in SyncSchedule(now: 0, random: .random(in: 0..<1, using: &random)) }
    var syncs: [Int64] = []
    for second in 0..<3_600 {
      let now = Int64(second) * 1_000
      for index in schedules.indices where schedules[index].begin(now: now) {
        syncs.append(now)
        schedules[index].finish(succeeded: true, now: now, random: .random(in: 0..<1, using: &random))
      }
    }
    let most = Dictionary(grouping: syncs) { $0 / 10_000 }.values.map(\.count).max() ?? 0
    // In ten seconds about 33 are expected.
    #expect((11_000...13_000).contains(syncs.count) && most < 80, "\(syncs.count) syncs, at most \(most) in 10 s")
  }

  @Test("C90: the pauses differ: they lie 20 % around five minutes")
  func jitter() {
    var random = SplitMix64(seed: 5)
    var schedule = SyncSchedule(now: 0, random: .random(in: 0..<1, using: &random))
    schedule.wake(now: 0)
    var pauses: [Int64] = []
    for _ in 0..<200 {
      let now = schedule.nextAtMilliseconds ?? 0
      expect(&schedule, begins: true, at: now)
      schedule.finish(succeeded: true, now: now, random: .random(in: 0..<1, using: &random))
      pauses.append((schedule.nextAtMilliseconds ?? 0) - now)
    }
    let (least, most) = (pauses.min() ?? 0, pauses.max() ?? 0)
    #expect((interval * 8 / 10...interval * 85 / 100).contains(least), "\(least)")
    #expect((interval * 115 / 100...interval * 12 / 10).contains(most), "\(most)")
  }

  @Test("a change during a sync starts another one directly after it")
  func again() {
    var random = SplitMix64(seed: 3)
    var schedule = SyncSchedule(now: 0, random: .random(in: 0..<1, using: &random))
    schedule.wake(now: 0)
    expect(&schedule, begins: true, at: 0)
    schedule.wake(now: 5)
    schedule.finish(succeeded: true, now: 50, random: .random(in: 0..<1, using: &random))
    expect(&schedule, begins: true, at: 50)
    schedule.finish(succeeded: true, now: 60, random: .random(in: 0..<1, using: &random))
    let next = schedule.nextAtMilliseconds ?? 0
    #expect((60 + interval * 8 / 10...60 + interval * 12 / 10).contains(next))
  }

  @Test("after failures the waits grow, up to the interval, also with changes waiting; a success resets them")
  func backoff() {
    var random = SplitMix64(seed: 4)
    var schedule = SyncSchedule(now: 0, random: .random(in: 0..<1, using: &random))
    var now: Int64 = 0
    schedule.wake(now: now)
    for failure in 0..<100 {
      expect(&schedule, begins: true, at: now)
      schedule.wake(now: now)
      schedule.finish(succeeded: false, now: now, random: .random(in: 0..<1, using: &random))
      let pause = (schedule.nextAtMilliseconds ?? 0) - now
      let longest = min(SyncSchedule.firstBackoffMilliseconds << Int64(min(failure, 16)), interval)
      #expect((longest / 2...longest).contains(pause), "failure \(failure): \(pause) ms")
      schedule.wake(now: now + 1)
      expect(&schedule, begins: false, at: now + pause - 1, "a change does not end the pause")
      now += pause
    }
    expect(&schedule, begins: true, at: now)
    schedule.finish(succeeded: false, now: now, random: .random(in: 0..<1, using: &random))
    schedule.networkReturned(now: now + 1)
    expect(&schedule, begins: true, at: now + 1, "the network's return does")
    schedule.finish(succeeded: true, now: now, random: .random(in: 0..<1, using: &random))
    #expect((schedule.nextAtMilliseconds ?? 0) - now >= interval * 8 / 10)
  }
}
