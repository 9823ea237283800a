public import Schema
public import StreakDomain

extension Schema.Streak {
  public init(habitID: Identifier, _ summary: StreakSummary, zones: RecentTimeZones, archived: Bool, at now: Instant) {
    let today = zones.today(now: now)
    let streak = summary.streak(today: today, isArchived: archived)
    let state: Schema.StreakState =
      switch streak.state {
      case .none: .none
      case .doneToday: .doneToday
      case .atRisk: .atRisk
      case .broken: .broken
      case .archived: .archived
      }
    self.init(
      habitId: habitID.bytes, state: state, current: Int32(clamping: streak.current),
      longest: Int32(clamping: streak.longest), total: Int32(clamping: streak.total),
      lastDay: streak.lastDay?.number ?? 0, today: today.number)
  }
}

extension Schema.Streak {
  /// - Parameter ledger: The account's, with the habit and its zones.
  public init(habitID: Identifier, _ summary: StreakSummary, in ledger: PersonLedger, at now: Instant) {
    self.init(
      habitID: habitID, summary, zones: ledger.zones, archived: ledger.habits[habitID]?.fields.archived ?? false,
      at: now)
  }

  public init(_ streak: HabitStreak, at now: Instant) {
    self.init(habitID: streak.habitID, streak.summary, zones: streak.zones, archived: streak.archived, at: now)
  }
}

extension DayRange {
  public init(_ days: ClosedRange<Day>) {
    self.init(firstDay: days.lowerBound.number, lastDay: days.upperBound.number)
  }

  /// All days that there can be.
  public static let all = DayRange(Day.earliest...Day.latest)
}

extension Schema.Statistics {
  public init(_ statistics: StreakDomain.Statistics, days: DayRange) {
    self.init(
      days: days, counted: Int32(clamping: statistics.counted), quarantined: Int32(clamping: statistics.quarantined),
      undone: Int32(clamping: statistics.undone), activeDays: Int32(clamping: statistics.activeDays),
      countedByWeekday: statistics.countedByWeekday.map { Int32(clamping: $0) },
      countedByMonth: statistics.countedByMonth.map {
        MonthCount(year: Int32($0.year), month: Int32($0.month), counted: Int32(clamping: $0.counted))
      }, longestRun: Int32(clamping: statistics.longestRun))
  }
}

extension LeftOutDay {
  public init(_ leftOut: StreakExplanation.LeftOut) {
    switch leftOut.why {
    case .undone: self.init(day: leftOut.day.number, omission: .undone)
    case .doesNotCount(let trust):
      self.init(
        day: leftOut.day.number, omission: .quarantined, quarantineReason: Schema.QuarantineReason(trust))
    case .otherRun: self.init(day: leftOut.day.number, omission: .otherRun)
    }
  }
}
