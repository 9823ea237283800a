@testable import StreakDomain
import Testing

@Suite("Statistics")
struct StatisticsTests {
  @Test("counted, quarantined and undone cells are told apart; weekdays and months add up")
  func sums() {
    let statistics = Statistics([
      (today, LedgerCell(done: true, note: "", trust: .counted)),
      (today.advanced(by: 1), LedgerCell(done: true, note: "", trust: .counted)),
      (today.advanced(by: 8), LedgerCell(done: true, note: "", trust: .counted)),
      (today.advanced(by: 3), LedgerCell(done: true, note: "", trust: .quarantined(.tooOld))),
      (today.advanced(by: 4), LedgerCell(done: false, note: "", trust: .counted)),
    ])
    #expect(statistics.counted == 3)
    #expect(statistics.quarantined == 1)
    #expect(statistics.undone == 1)
    #expect(statistics.activeDays == 3)
    #expect(statistics.longestRun == 2)
    #expect(statistics.countedByWeekday == [1, 2, 0, 0, 0, 0, 0])
    #expect(
      statistics.countedByMonth == [
        Statistics.Month(year: 2026, month: 11, counted: 2), Statistics.Month(year: 2026, month: 12, counted: 1),
      ])
  }

  @Test("the completion rate is distinct active days over the days of the window, both ends included")
  func rate() {
    let done = LedgerCell(done: true, note: "", trust: .counted)
    let statistics = Statistics([-9, -9, -1, 0, 1].map { (today.advanced(by: $0), done) })
    #expect(statistics.completionRate(in: today.advanced(by: -9)...today) == 0.3)
    #expect(statistics.completionRate(in: today...today) == 1)
    #expect(Statistics([]).completionRate(in: today...today) == 0)
  }

  @Test("the longest runs come longest first, the later one first among equals")
  func longestRuns() {
    let done = LedgerCell(done: true, note: "", trust: .counted)
    let statistics = Statistics([0, 2, 3, 6, 7, 8, 10, 11].map { (today.advanced(by: $0), done) })
    func run(_ first: Int, _ last: Int) -> Run { today.advanced(by: first)...today.advanced(by: last) }
    #expect(statistics.longestRuns(3) == [run(6, 8), run(10, 11), run(2, 3)])
    #expect(statistics.longestRuns(0).isEmpty)
    #expect(statistics.longestRun == 3)
  }
}

@Suite("StreakExplanation")
struct StreakExplanationTests {
  @Test("every recorded day is either in the current run or left out with its reason")
  func reasons() {
    func cell(_ ago: Int, done: Bool = true, _ trust: CellTrust = .counted) -> (day: Day, cell: LedgerCell) {
      (today.advanced(by: -ago), LedgerCell(done: done, note: "", trust: trust))
    }
    let cells = [cell(0), cell(1), cell(2, .quarantined(.backfill)), cell(3), cell(4, done: false)]
    let explanation = StreakExplanation(cells.reversed(), today: today)
    #expect(explanation.run == today.advanced(by: -1)...today)
    #expect(explanation.streak.current == 2)
    #expect(explanation.leftOut.map(\.why) == [.undone, .otherRun, .quarantined(.backfill)])
    #expect(explanation.leftOut.map(\.day) == [4, 3, 2].map { today.advanced(by: -$0) })
  }

  @Test("run and left out together are the ledger, and the run is as long as the number", arguments: UInt64(0)..<64)
  func complete(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let trusts: [CellTrust] = [.counted, .counted, .quarantined(.tooOld)]
    let days = Set((0..<30).map { _ in today.advanced(by: Int.random(in: -30...2, using: &generator)) })
    let cells = days.map { day in
      (
        day: day,
        cell: LedgerCell(
          done: Int.random(in: 0...4, using: &generator) > 0, note: "",
          trust: trusts.randomElement(using: &generator) ?? .counted)
      )
    }
    let explanation = StreakExplanation(cells, today: today)
    let run = explanation.run.map(Array.init) ?? []
    #expect(run.count == explanation.streak.current, "seed \(seed)")
    #expect(Set(run).union(explanation.leftOut.map(\.day)) == days, "seed \(seed)")
    #expect(run.count + explanation.leftOut.count == days.count, "seed \(seed)")
  }
}
