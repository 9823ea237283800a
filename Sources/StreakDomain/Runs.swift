/// A run: consecutive counted days, both ends included.
public typealias Run = ClosedRange<Day>

/// Splits days into runs.
public enum Runs {
  /// The runs of days in any order, repeated or not; earliest first.
  public static func of(_ days: some Sequence<Day>) -> [Run] {
    var runs: [Run] = []
    for day in Set(days).sorted() {
      if let last = runs.last, last.upperBound.advanced(by: 1) == day {
        runs[runs.count - 1] = last.lowerBound...day
      } else {
        runs.append(day...day)
      }
    }
    return runs
  }

  /// At most `countMax` runs, longest first, the later one first among equals.
  public static func longest(_ countMax: Int, of days: some Sequence<Day>) -> [Run] {
    let sorted = of(days).sorted { ($0.count, $0.lowerBound) > ($1.count, $1.lowerBound) }
    return Array(sorted.prefix(countMax))
  }
}
