/// The sums of one day's cells: of one habit, or of all together.
public struct DayCounts: Equatable, Sendable {
  public var day: Day
  public var counted: Int
  public var quarantined: Int
  public var undone: Int

  public init(day: Day, counted: Int = 0, quarantined: Int = 0, undone: Int = 0) {
    self.day = day
    self.counted = counted
    self.quarantined = quarantined
    self.undone = undone
  }
}

/// Sums over a range of days of one habit, or of all habits together.
public struct Statistics: Equatable, Sendable {
  public private(set) var counted = 0
  public private(set) var quarantined = 0
  public private(set) var undone = 0
  /// Days with at least one counted completion.
  public private(set) var activeDays = 0
  /// Length of the longest run of active days.
  public private(set) var longestRun = 0
  /// Monday first.
  public private(set) var countedByWeekday = [Int](repeating: 0, count: 7)
  /// Earliest first; months without any are left out.
  public private(set) var countedByMonth: [Month] = []

  public struct Month: Equatable, Sendable {
    public let year: Int
    /// 1 to 12.
    public let month: Int
    public var counted: Int
  }

  /// Sums days in any order, each once.
  public init(_ days: some Sequence<DayCounts>) {
    var months: [Int: Int] = [:]
    var activeDays: [Day] = []
    for counts in days {
      counted += counts.counted
      quarantined += counts.quarantined
      undone += counts.undone
      guard counts.counted > 0 else { continue }
      activeDays.append(counts.day)
      countedByWeekday[counts.day.weekday - 1] += counts.counted
      let civil = counts.day.civil
      months[civil.year * 12 + civil.month - 1, default: 0] += counts.counted
    }
    self.activeDays = activeDays.count
    longestRun = Runs.of(activeDays).map(\.count).max() ?? 0
    countedByMonth = months.sorted { $0.key < $1.key }.map {
      Month(year: $0.key / 12, month: $0.key % 12 + 1, counted: $0.value)
    }
  }
}
