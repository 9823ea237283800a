internal import StreakDomain

/// The order in which the numbers of a date stand.
public enum DateOrder: String, CaseIterable, Sendable {
  case dayFirst = "day-first"
  case monthFirst = "month-first"
  /// Only where years have two digits: those of four tell themselves.
  case yearFirst = "year-first"

  /// How much more of a file's dates must be possible in one order alone than in another one alone,
  /// if there are both: the few are mistakes then.
  static let majority = 4

  /// The order in which the dates of a whole file make sense.
  ///
  /// A date votes for an order if it is a past day, or a day at all, in that order alone. Where no
  /// date does, a number that cannot be a month votes, though there is no such day.
  /// - Parameter today: Days after tomorrow are no days of a tracker.
  /// - Returns: Nil if the dates mean different days in several orders, and nothing says which.
  static func decide(_ dates: [DateText], today: Day) -> DateOrder? {
    let latest = today.advanced(by: 1)
    var votes: [DateOrder: Int] = [:]
    var hints: [DateOrder: Int] = [:]
    var isOpen = false
    for date in dates {
      guard case .numbers(let first, let second, _, let hasFullYear) = date.shape else { continue }
      var possible = allCases.filter { date.day($0) != nil }
      var past = possible.filter { date.day($0).map { $0 <= latest && $0 >= Day.earliest } ?? false }
      // Years of two digits stand first only where nothing else makes sense.
      if past.count > 1 { past.removeAll { $0 == .yearFirst } }
      if possible.count > 1 { possible.removeAll { $0 == .yearFirst && !past.contains($0) } }
      if let only = past.only ?? (past.isEmpty ? possible.only : nil) {
        votes[only, default: 0] += 1
      } else if Set(past.map { date.day($0) }).count > 1 {
        isOpen = true
      } else if possible.isEmpty {
        if first > 12, hasFullYear { hints[.dayFirst, default: 0] += 1 }
        if second > 12, hasFullYear { hints[.monthFirst, default: 0] += 1 }
      }
    }
    if !votes.isEmpty { return winner(votes) }
    // Every date is the same day in each order, or none at all.
    guard isOpen else { return winner(hints) ?? .dayFirst }
    return winner(hints)
  }

  private static func winner(_ votes: [DateOrder: Int]) -> DateOrder? {
    let ranked = votes.sorted { $0.value > $1.value }
    guard let first = ranked.first else { return nil }
    let others = ranked.dropFirst().reduce(0) { $0 + $1.value }
    return first.value >= majority * others ? first.key : nil
  }
}

extension Collection {
  /// The only element; nil if there are several or none.
  var only: Element? { count == 1 ? first : nil }
}
