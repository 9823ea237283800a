extension SummaryRecord {
  /// What counted days, ascending and each once, add up to.
  public init(ascendingDays days: [Int32]) {
    self = days.reduce(.empty) { $0.appending($1) }
  }

  /// The summary with one more counted day, which must be later than every other.
  func appending(_ day: Int32) -> SummaryRecord {
    precondition(totalDays == 0 || day > lastRunLastDay, "the day is not later than the others")
    var summary = self
    summary.totalDays += 1
    if totalDays == 0 || day > lastRunLastDay + 1 { summary.lastRunFirstDay = day }
    summary.lastRunLastDay = day
    summary.longestRun = max(longestRun, day - summary.lastRunFirstDay + 1)
    return summary
  }
}
