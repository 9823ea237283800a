internal import StreakDomain

/// The order of a date's numbers.
public enum DateOrder: String, CaseIterable, Sendable {
  case dayFirst = "day-first"
  case monthFirst = "month-first"
  /// Only for years of two digits: a year of four digits is unambiguous.
  case yearFirst = "year-first"

  /// The part of a date that comes first.
  public var leader: String {
    switch self {
    case .dayFirst: "day"
    case .monthFirst: "month"
    case .yearFirst: "year"
    }
  }

  /// If an order makes some dates invalid, the dates that are valid in this order alone must be this
  /// many times as many. The few are then taken for mistakes.
  static let majority = 4

  /// The orders that make a date a day; if some of them make it a past day, only these.
  /// - Parameter today: A tracker's file contains no days after tomorrow.
  static func candidates(_ date: DateText, today: Day) -> [DateOrder: Day] {
    let pairs = allCases.compactMap { order in date.day(order).map { (order, $0) } }
    let possible = Dictionary(uniqueKeysWithValues: pairs)
    let past = possible.filter { (.earliest...today.advanced(by: 1)).contains($0.value) }
    return past.isEmpty ? possible : past
  }

  /// The order that makes the dates of a whole file valid.
  ///
  /// A date with one candidate votes for it. The order must make every date a past day, or else a
  /// valid day; if no order does, votes outnumber mistakes. If no date votes, numbers above 12
  /// decide, even if the day does not exist.
  /// - Returns: Nil if the dates mean different days in several orders, and nothing decides between
  ///   them.
  static func decide(_ dates: [DateText], today: Day) -> DateOrder? {
    var votes: [DateOrder: Int] = [:]
    var mistakes: [DateOrder: Int] = [:]
    var hints: [DateOrder: Int] = [:]
    var isOpen = false
    for date in dates {
      guard case .numbers(let numbers) = date.shape else { continue }
      let candidates = candidates(date, today: today)
      for order in allCases where !candidates.isEmpty && candidates[order] == nil { mistakes[order, default: 0] += 1 }
      if let only = candidates.keys.only { votes[only, default: 0] += 1 }
      if Set(candidates.values).count > 1 { isOpen = true }
      if candidates.isEmpty, numbers.hasFullYear {
        if numbers.first > 12 { hints[.dayFirst, default: 0] += 1 }
        if numbers.second > 12 { hints[.monthFirst, default: 0] += 1 }
      }
    }
    let valid = allCases.filter { mistakes[$0] == nil }
    if votes.isEmpty {
      // Every date is the same day in each order, or not valid in any.
      guard isOpen else { return hints.keys.only ?? .dayFirst }
      if let hint = hints.keys.only, valid.contains(hint) { return hint }
      return valid.only
    }
    if let only = valid.only { return only }
    return allCases.filter { votes[$0] ?? 0 >= majority * (mistakes[$0] ?? 0) && votes[$0] != nil }.only
  }

  /// Whether the day comes first where nothing decides: every date that is open has full stops.
  static func isDayFirstByDefault(_ dates: [DateText], today: Day) -> Bool {
    dates.allSatisfy { date in
      guard case .numbers(let numbers) = date.shape else { return true }
      let candidates = candidates(date, today: today)
      if candidates.isEmpty { return true }
      return candidates[.dayFirst] != nil && (Set(candidates.values).count == 1 || numbers.hasPoints)
    }
  }
}

extension Collection {
  /// The only element; nil if there are several or none.
  var only: Element? { count == 1 ? first : nil }
}
