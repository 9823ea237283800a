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
}
