import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

@Suite("Statistics")
struct StatisticsTests {
  @Test("counted, quarantined and undone cells are distinguished; weekdays, months and runs have their sums")
  func sums() {
    let statistics = Statistics([
      DayCounts(day: today.advanced(by: 8), counted: 1),
      DayCounts(day: today, counted: 2, undone: 1),
      DayCounts(day: today.advanced(by: 1), counted: 1, quarantined: 1),
      DayCounts(day: today.advanced(by: 3), quarantined: 1),
    ])
    #expect(statistics.counted == 4)
    #expect(statistics.quarantined == 2)
    #expect(statistics.undone == 1)
    #expect(statistics.activeDays == 3)
    #expect(statistics.longestRun == 2)
    #expect(statistics.countedByWeekday == [2, 2, 0, 0, 0, 0, 0])
    #expect(
      statistics.countedByMonth == [
        Statistics.Month(year: 2026, month: 11, counted: 3), Statistics.Month(year: 2026, month: 12, counted: 1),
      ])
  }

  @Test("without days all sums are zero")
  func none() {
    let statistics = Statistics([])
    #expect(statistics.counted == 0 && statistics.longestRun == 0 && statistics.countedByMonth.isEmpty)
  }
}

@Suite("StreakExplanation")
struct StreakExplanationTests {
  private func summary(_ cells: [(day: Day, cell: CellContent)]) -> StreakSummary {
    StreakSummary(countedDays: cells.filter(\.cell.counts).map(\.day))
  }

  @Test("every recorded day is either in the current run or left out with its reason")
  func reasons() {
    func cell(_ ago: Int, done: Bool = true, _ trust: CellTrust = .counted) -> (day: Day, cell: CellContent) {
      (today.advanced(by: -ago), CellContent(done: done, note: "", trust: trust))
    }
    let cells = [cell(0), cell(1), cell(2, .quarantined(.backfill)), cell(3), cell(4, done: false)]
    let explanation = StreakExplanation(cells.reversed(), summary: summary(cells), today: today)
    #expect(explanation.run == today.advanced(by: -1)...today)
    #expect(explanation.streak.current == 2)
    #expect(explanation.leftOut.map(\.why) == [.undone, .otherRun, .doesNotCount(.quarantined(.backfill))])
    #expect(explanation.leftOut.map(\.day) == [4, 3, 2].map { today.advanced(by: -$0) })
  }

  @Test("run and left-out days together are the ledger, and the run is as long as the number", arguments: seeds(64))
  func complete(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let trusts: [CellTrust] = [.counted, .counted, .quarantined(.tooOld)]
    let days = Set((0..<30).map { _ in today.advanced(by: Int.random(in: -30...2, using: &generator)) })
    let cells = days.map { day in
      (
        day: day,
        cell: CellContent(
          done: Int.random(in: 0...4, using: &generator) > 0, note: "",
          trust: generator.choice(of: trusts))
      )
    }
    let explanation = StreakExplanation(cells, summary: summary(cells), today: today)
    let run = explanation.run.map(Array.init) ?? []
    #expect(run.count == explanation.streak.current, "seed \(seed)")
    #expect(Set(run).union(explanation.leftOut.map(\.day)) == days, "seed \(seed)")
    #expect(run.count + explanation.leftOut.count == days.count, "seed \(seed)")
  }
}
