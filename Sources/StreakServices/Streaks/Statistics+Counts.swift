internal import Schema
internal import StreakDomain
internal import StreakStore

extension Schema.Statistics {
  /// What days add up to; a pure function of the counts of each day, earliest first.
  init(_ counts: [DayCounts], days: DayRange) {
    self.init(days: days)
    countedByWeekday = [Int32](repeating: 0, count: 7)
    var run: Int32 = 0
    var previousDay: Int32?
    for count in counts {
      counted += count.counted
      quarantined += count.quarantined
      undone += count.undone
      guard count.counted > 0 else { continue }
      activeDays += 1
      run = previousDay == count.day - 1 ? run + 1 : 1
      previousDay = count.day
      longestRun = max(longestRun, run)
      countedByWeekday[Day(count.day).weekday - 1] += count.counted
      let date = Day(count.day).civil
      if let last = countedByMonth.last, last.year == date.year, last.month == date.month {
        countedByMonth[countedByMonth.count - 1].counted += count.counted
      } else {
        countedByMonth.append(MonthCount(year: Int32(date.year), month: Int32(date.month), counted: count.counted))
      }
    }
  }
}
