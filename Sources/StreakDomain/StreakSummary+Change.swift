/// Incremental updates of a summary without reading the ledger: exact, or nil.
extension StreakSummary {
  /// The summary with one more counted day.
  /// - Returns: Nil if days before the known runs matter: then sum the counted days again.
  public func adding(_ day: Day) -> StreakSummary? {
    let runs = knownRuns
    if runs.contains(where: { $0.contains(day) }) { return self }
    // A day at or before the edge of the known runs may touch an unknown one.
    guard isWhole || (runs.first.map { $0.lowerBound < day } ?? false) else { return nil }
    let before = runs.last { $0.upperBound < day }
    let after = runs.first { $0.lowerBound > day }
    let joinsBefore = before?.upperBound == day.advanced(by: -1)
    let joinsAfter = after?.lowerBound == day.advanced(by: 1)
    let first = joinsBefore ? before?.lowerBound ?? day : day
    let last = joinsAfter ? after?.upperBound ?? day : day
    let rest = runs.filter { $0.upperBound < first || $0.lowerBound > last }
    let changed = (rest + [first...last]).sorted { $0.lowerBound < $1.lowerBound }
    return replacing(runs, with: changed, longest: max(longest, first.distance(to: last) + 1))
  }

  /// The summary with one counted day less.
  /// - Returns: Nil if days before the known runs matter: then sum the counted days again.
  public func removing(_ day: Day) -> StreakSummary? {
    let runs = knownRuns
    guard let touched = runs.first(where: { $0.contains(day) }) else { return isWhole ? self : nil }
    // Another run may be as long as this one, unless all are known.
    guard isWhole || touched.count < longest else { return nil }
    var pieces: [Run] = []
    if touched.lowerBound < day { pieces.append(touched.lowerBound...day.advanced(by: -1)) }
    if day < touched.upperBound { pieces.append(day.advanced(by: 1)...touched.upperBound) }
    let changed = runs.flatMap { $0 == touched ? pieces : [$0] }
    return replacing(runs, with: changed, longest: longest)
  }

  private var knownRuns: [Run] { [previousRun, lastRun].compactMap { $0 } }

  /// The known runs hold every counted day.
  private var isWhole: Bool { total == knownRuns.reduce(0) { $0 + $1.count } }

  /// - Parameter longest: The longest run after the change if some runs are not known.
  /// - Returns: Nil if the result would know less than this summary.
  private func replacing(_ runs: [Run], with changed: [Run], longest: Int) -> StreakSummary? {
    if isWhole { return StreakSummary(runs: changed) }
    guard changed.count >= runs.count else { return nil }
    let change = changed.reduce(0) { $0 + $1.count } - runs.reduce(0) { $0 + $1.count }
    return StreakSummary(
      total: total + change, longest: longest, lastRun: changed.last,
      // A summary that was read without the run before the last keeps to one run.
      previousRun: changed.dropLast().last)
  }
}
