/// Where a streak stands today.
public enum StreakState: Sendable {
  /// No day counts yet.
  case none
  /// Today counts.
  case doneToday
  /// Yesterday counts, today not yet.
  case atRisk
  /// The last counted day is before yesterday.
  case broken
}

/// A habit's streak on a given day.
public struct Streak: Equatable, Sendable {
  public let state: StreakState
  /// Days of the run that ends today or yesterday; otherwise 0.
  public let current: Int
  /// Days of the longest run.
  public let longest: Int
  /// Counted days.
  public let total: Int
  /// The last counted day; nil if none counts.
  public let lastDay: Day?
}

/// What the counted days of a habit add up to, whatever day it is today: a pure function of the ledger that may be cached.
public struct StreakSummary: Equatable, Sendable {
  /// Counted days.
  public var total: Int
  /// Days of the longest run.
  public var longest: Int
  /// First and last day of the last run; nil if no day counts.
  public var lastRun: ClosedRange<Day>?

  /// A summary read from storage.
  public init(total: Int, longest: Int, lastRun: ClosedRange<Day>?) {
    self.total = total
    self.longest = longest
    self.lastRun = lastRun
  }

  /// Adds up counted days, in any order, repeated or not.
  public init(countedDays days: some Sequence<Day>) {
    self.init(total: 0, longest: 0, lastRun: nil)
    for day in Set(days).sorted() {
      total += 1
      let first = lastRun.flatMap { $0.upperBound.advanced(by: 1) == day ? $0.lowerBound : nil } ?? day
      lastRun = first...day
      longest = max(longest, first.distance(to: day) + 1)
    }
  }

  /// The streak on `today`. A run that reaches past it (the person was in a later zone) is alive and done.
  /// - Parameter isArchived: An archived habit is never at risk: yesterday's streak is shown as it stood.
  public func streak(today: Day, isArchived: Bool = false) -> Streak {
    guard let lastRun else { return Streak(state: .none, current: 0, longest: 0, total: 0, lastDay: nil) }
    let age = lastRun.upperBound.distance(to: today)
    let state: StreakState = age <= 0 ? .doneToday : age == 1 && !isArchived ? .atRisk : .broken
    let current = age <= 1 ? lastRun.lowerBound.distance(to: lastRun.upperBound) + 1 : 0
    return Streak(state: state, current: current, longest: longest, total: total, lastDay: lastRun.upperBound)
  }
}
