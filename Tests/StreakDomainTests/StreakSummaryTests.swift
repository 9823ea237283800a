import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

@Suite("StreakSummary")
struct StreakSummaryTests {
  /// The definition, literally: slow and obvious.
  private func model(_ days: Set<Int32>, today: Int32) -> (current: Int, state: StreakState) {
    func run(through day: Int32) -> Int {
      var first = day
      var last = day
      while days.contains(first - 1) { first -= 1 }
      while days.contains(last + 1) { last += 1 }
      return Int(last - first) + 1
    }
    guard let last = days.max() else { return (0, .none) }
    if days.contains(today) { return (run(through: today), .doneToday) }
    if days.contains(today - 1) { return (run(through: today - 1), .atRisk) }
    return last > today ? (run(through: last), .doneToday) : (0, .broken)
  }

  private func longest(_ days: Set<Int32>) -> Int {
    days.map { day in (0...).first { !days.contains(day + Int32($0)) } ?? 0 }.max() ?? 0
  }

  @Test(
    "random ledgers have the streaks of the definition, from two days before the last day on",
    arguments: seeds(64))
  func againstModel(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    for _ in 0..<50 {
      let count = Int.random(in: 0...40, using: &generator)
      let days = Set((0..<count).map { _ in Int32.random(in: 20_000...20_050, using: &generator) })
      let summary = StreakSummary(countedDays: days.map { Day($0) }.shuffled(using: &generator))
      for ahead in -2...3 as ClosedRange<Int32> {
        let today = (days.max() ?? 20_000) + ahead
        let streak = summary.streak(today: Day(today))
        let expected = model(days, today: today)
        #expect(streak.current == expected.current, "seed \(seed)")
        #expect(streak.state == expected.state, "seed \(seed)")
        #expect(streak.longest == longest(days), "seed \(seed)")
        #expect(streak.total == days.count, "seed \(seed)")
        #expect(streak.lastDay?.number == days.max(), "seed \(seed)")
      }
    }
  }

  @Test(
    "adding and removing days one by one agrees with a recomputation, or reports that it cannot", arguments: seeds(64))
  func changes(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var days: Set<Day> = []
    var summary = StreakSummary(countedDays: days)
    for _ in 0..<300 {
      let day = Day(Int32.random(in: 20_000...20_030, using: &generator))
      let adds = Bool.random(using: &generator)
      if adds { days.insert(day) } else { days.remove(day) }
      let expected = StreakSummary(countedDays: days)
      let changed = adds ? summary.adding(day) : summary.removing(day)
      #expect(changed == nil || changed == expected, "seed \(seed)")
      summary = expected
    }
  }

  @Test(
    "a summary stored without the run before the last keeps total, longest and last run exact",
    arguments: seeds(64))
  func changesOfStored(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    var days: Set<Day> = []
    for _ in 0..<300 {
      let day = Day(Int32.random(in: 20_000...20_030, using: &generator))
      var summary = StreakSummary(countedDays: days)
      summary.previousRun = nil
      let adds = Bool.random(using: &generator)
      if adds { days.insert(day) } else { days.remove(day) }
      let expected = StreakSummary(countedDays: days)
      guard let changed = adds ? summary.adding(day) : summary.removing(day) else { continue }
      #expect(changed.total == expected.total, "seed \(seed)")
      #expect(changed.longest == expected.longest, "seed \(seed)")
      #expect(changed.lastRun == expected.lastRun, "seed \(seed)")
      #expect(changed.previousRun == nil || changed.previousRun == expected.previousRun, "seed \(seed)")
    }
  }

  @Test("the everyday changes need no ledger: today done, today undone, a gap before today")
  func everyday() {
    let days = [-40, -39, -38, -5, -4, -1].map { today.advanced(by: $0) }
    let summary = StreakSummary(countedDays: days)
    #expect(summary.adding(today) == StreakSummary(countedDays: days + [today]))
    #expect(summary.adding(today)?.removing(today) == summary)
    #expect(summary.adding(today.advanced(by: 1)) == StreakSummary(countedDays: days + [today.advanced(by: 1)]))
  }

  @Test("C51: ahead of today over a gap, yesterday's run is at risk and today closes the gap")
  func aheadOverGap() {
    let days = [-3, -2, -1, 1].map { today.advanced(by: $0) }
    let open = StreakSummary(countedDays: days).streak(today: today)
    #expect(open.current == 3)
    #expect(open.state == .atRisk)
    let closed = StreakSummary(countedDays: days + [today]).streak(today: today)
    #expect(closed.current == 5)
    #expect(closed.state == .doneToday)
  }

  @Test("C51: the same date lived twice, in Tokyo and then in Los Angeles, is one day more")
  func dateLineEastward() {
    let before = (1...5).map { today.advanced(by: -$0) }
    let tokyo = Instant(milliseconds: Int64(today.number) * dayMilliseconds - hour)  // 08:00 in Tokyo
    let angeles = tokyo + 20 * hour  // 11:00 the same date in Los Angeles
    let ticks = [(tokyo, 32_400), (angeles, -28_800)].map { moment, offset in
      ClientTime(occurredAt: moment, zone: "x", utcOffsetSeconds: Int32(offset))
    }
    #expect(ticks.map(\.day) == [today, today])
    var zones = RecentTimeZones()
    for tick in ticks { zones.note(tick, now: tick.occurredAt) }
    let streak = StreakSummary(countedDays: before + ticks.map(\.day)).streak(today: zones.today(now: angeles))
    #expect(streak.current == 6)
    #expect(streak.state == .doneToday)
  }

  @Test("C66: undoing today's tick leaves yesterday's run, doing it again restores it")
  func undoToday() {
    let days = (0..<4).map { today.advanced(by: -$0) }
    func current(_ days: some Sequence<Day>) -> Int { StreakSummary(countedDays: days).streak(today: today).current }
    #expect(current(days.dropFirst()) == 3)
    #expect(current(days) == 4)
  }

  @Test("C61: only today 1, only yesterday 1 at risk, only two days ago 0 with longest 1")
  func single() {
    func streak(_ ago: Int) -> Streak { StreakSummary(countedDays: [today.advanced(by: -ago)]).streak(today: today) }
    #expect(streak(0) == Streak(state: .doneToday, current: 1, longest: 1, total: 1, lastDay: today))
    #expect(streak(1).state == .atRisk)
    #expect(streak(1).current == 1)
    #expect(streak(2).state == .broken)
    #expect(streak(2).current == 0)
    #expect(streak(2).longest == 1)
    #expect(StreakSummary(countedDays: []).streak(today: today).state == .none)
  }

  @Test("C59, C60: a run over the turn of the year and past 366 days is exact")
  func long() {
    let days = (0..<800).map { today.advanced(by: -$0) }
    #expect(StreakSummary(countedDays: days).streak(today: today).current == 800)
  }

  @Test("C73: an archived habit is not at risk and keeps its streak")
  func archived() {
    let streak = StreakSummary(countedDays: [today.advanced(by: -1)]).streak(today: today, isArchived: true)
    #expect(streak.state != .atRisk)
    #expect(streak.current == 1)
  }
}
