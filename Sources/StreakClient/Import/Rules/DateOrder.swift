internal import StreakDomain

/// The order of a date's numbers.
public enum DateOrder: String, CaseIterable, Sendable {
  case dayFirst = "day-first"
  case monthFirst = "month-first"
  /// Only for years of two digits: a year of four digits is unambiguous.
  case yearFirst = "year-first"

  /// If some dates are possible in one order alone and others in another one alone, the first
  /// number must be this many times the second. The few are then taken for mistakes.
  static let majority = 4

  /// The order that makes the dates of a whole file valid.
  ///
  /// A date votes for an order if only that order makes it a past day, or else a valid day. If no
  /// date votes, numbers above 12 decide, even if the day does not exist.
  /// - Parameter today: A tracker's file contains no days after tomorrow.
  /// - Returns: Nil if the dates mean different days in several orders, and nothing decides between
  ///   them.
  static func decide(_ dates: [DateText], today: Day) -> DateOrder? {
    let latest = today.advanced(by: 1)
    var votes: [DateOrder: Int] = [:]
    var hints: [DateOrder: Int] = [:]
    var isOpen = false
    for date in dates {
      guard case .numbers(let first, let second, _, let hasFullYear) = date.shape else { continue }
      var possible = allCases.filter { date.day($0) != nil }
      var past = possible.filter { date.day($0).map { $0 <= latest && $0 >= Day.earliest } ?? false }
      // A two-digit year comes first only if no other order is possible.
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
    // Every date is the same day in each order, or not valid in any.
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
