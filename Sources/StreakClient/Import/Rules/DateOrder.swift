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

  /// If an order makes some dates invalid, the dates that are valid in this order alone must be
  /// this many times as many. The few are then taken for mistakes.
  static let majority = 4

  /// The orders that make a date a past day. If there is none, the orders that make it a day: not
  /// for a year of two digits, which can be read out of any number.
  /// - Parameter today: A tracker's file contains no days after tomorrow.
  static func candidates(_ date: DateText, today: Day) -> [DateOrder: Day] {
    guard case .numbers(let numbers) = date.shape else { return [:] }
    let pairs = allCases.compactMap { order in date.day(order).map { (order, $0) } }
    let possible = Dictionary(uniqueKeysWithValues: pairs)
    let past = possible.filter { (.earliest...today.advanced(by: 1)).contains($0.value) }
    return past.isEmpty && numbers.hasFullYear ? possible : past
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
    var hints: Set<DateOrder> = []
    var all: [[DateOrder: Day]] = []
    for date in dates {
      guard case .numbers(let numbers) = date.shape else { continue }
      let candidates = candidates(date, today: today)
      if candidates.isEmpty {
        if numbers.hasFullYear, numbers.first > 12 { hints.insert(.dayFirst) }
        if numbers.hasFullYear, numbers.second > 12 { hints.insert(.monthFirst) }
        continue
      }
      all.append(candidates)
      for order in allCases where candidates[order] == nil { mistakes[order, default: 0] += 1 }
      if let only = candidates.keys.only { votes[only, default: 0] += 1 }
    }
    let valid = allCases.filter { mistakes[$0] == nil }
    if let hint = hints.only, votes.isEmpty, valid.contains(hint) { return hint }
    // All valid orders may mean the same days.
    if let first = valid.first, all.allSatisfy({ days in valid.allSatisfy { days[$0] == days[first] } }) {
      return first
    }
    return allCases.filter { votes[$0] != nil && votes[$0] ?? 0 >= majority * (mistakes[$0] ?? 0) }.only
  }

  /// Whether the day comes first where nothing decides: in every date that is open it usually
  /// does.
  static func isDayFirstByDefault(_ dates: [DateText], today: Day) -> Bool {
    dates.allSatisfy { date in
      guard case .numbers(let numbers) = date.shape else { return true }
      let candidates = candidates(date, today: today)
      if candidates.isEmpty { return true }
      return candidates[.dayFirst] != nil && (Set(candidates.values).count == 1 || numbers.isUsuallyDayFirst)
    }
  }
}

extension Collection {
  /// The only element; nil if there are several or none.
  var only: Element? { count == 1 ? first : nil }
}
