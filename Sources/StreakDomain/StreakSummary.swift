/// The sums and runs of a habit's counted days, independent of the current day: a pure function of
/// the ledger that may be cached.
public struct StreakSummary: Equatable, Sendable {
  /// Counted days.
  public var total: Int
  /// Days of the longest run.
  public var longest: Int
  /// First and last day of the last run; nil if no day counts.
  public var lastRun: Run?
  /// The run before it; nil if there is none, or if it is not known because it was not stored.
  public var previousRun: Run?

  /// A summary read from storage.
  public init(total: Int, longest: Int, lastRun: Run?, previousRun: Run? = nil) {
    self.total = total
    self.longest = longest
    self.lastRun = lastRun
    self.previousRun = previousRun
  }

  /// Adds up counted days, in any order, repeated or not.
  public init(countedDays days: some Sequence<Day>) { self.init(runs: Runs.of(days)) }

  /// From all runs, earliest first.
  init(runs: [Run]) {
    self.init(
      total: runs.reduce(0) { $0 + $1.count }, longest: runs.map(\.count).max() ?? 0, lastRun: runs.last,
      previousRun: runs.dropLast().last)
  }

  /// The run that is current on `today`, and the streak's state.
  ///
  /// "Today" is the earliest date among a person's zones, so in a later zone they may have recorded
  /// days after it. A run that continues past today is counted whole. If today is missing,
  /// yesterday's run is at risk, whatever follows: the person can still close the gap. If both are
  /// missing and a later day counts, its run is the current one. Exact from two days before the
  /// last counted day on, if `previousRun` is known or there is none.
  public func currentRun(today: Day) -> (run: Run?, state: StreakState) {
    guard let lastRun else { return (nil, .none) }
    let runs = [lastRun, previousRun].compactMap { $0 }
    if let run = runs.first(where: { $0.contains(today) }) { return (run, .doneToday) }
    if let run = runs.first(where: { $0.upperBound == today.advanced(by: -1) }) { return (run, .atRisk) }
    return lastRun.lowerBound > today ? (lastRun, .doneToday) : (nil, .broken)
  }

  /// The streak on `today`, by `currentRun`.
  /// - Parameter isArchived: An archived habit is never at risk: a streak that ends yesterday keeps
  ///   its length.
  public func streak(today: Day, isArchived: Bool = false) -> Streak {
    let (run, state) = currentRun(today: today)
    return Streak(
      state: state == .atRisk && isArchived ? .archived : state, current: run?.count ?? 0, longest: longest,
      total: total, lastDay: lastRun?.upperBound)
  }
}
