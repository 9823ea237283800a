/// Sums over a range of days of one habit, or of all habits together.
public struct Statistics: Equatable, Sendable {
  public private(set) var counted = 0
  public private(set) var quarantined = 0
  public private(set) var undone = 0
  /// Monday first.
  public private(set) var countedByWeekday = [Int](repeating: 0, count: 7)
  /// Earliest first; months without any are left out.
  public private(set) var countedByMonth: [Month] = []
  private var activeDaySet: Set<Day> = []

  public struct Month: Equatable, Sendable {
    public let year: Int
    /// 1 to 12.
    public let month: Int
    public var counted: Int
  }

  /// Adds up cells in any order.
  public init(_ cells: some Sequence<(day: Day, cell: LedgerCell)>) {
    var months: [Int: Int] = [:]
    for (day, cell) in cells {
      guard cell.done else {
        undone += 1
        continue
      }
      guard cell.trust == .counted else {
        quarantined += 1
        continue
      }
      counted += 1
      countedByWeekday[day.weekday - 1] += 1
      let civil = day.civil
      months[civil.year * 12 + civil.month - 1, default: 0] += 1
      activeDaySet.insert(day)
    }
    countedByMonth = months.sorted { $0.key < $1.key }.map {
      Month(year: $0.key / 12, month: $0.key % 12 + 1, counted: $0.value)
    }
  }

  /// Distinct days with at least one counted completion.
  public var activeDays: Int { activeDaySet.count }

  /// Length of the longest run of active days.
  public var longestRun: Int { longestRuns(1).first?.count ?? 0 }

  /// At most `countMax` runs of active days, longest first, the later one first among equals.
  public func longestRuns(_ countMax: Int) -> [Run] { Runs.longest(countMax, of: activeDaySet) }

  /// Part of the days of a window that are active, 0 to 1. The window should begin no earlier than the habit did.
  public func completionRate(in window: ClosedRange<Day>) -> Double {
    Double(activeDaySet.count { window.contains($0) }) / Double(window.count)
  }
}
