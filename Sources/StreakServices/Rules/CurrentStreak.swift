/// Where a streak stands on a day.
enum CurrentStreak: Sendable, Equatable {
  /// No day counts.
  case none
  /// Today counts.
  case doneToday(length: Int32)
  /// Yesterday counts, today not yet.
  case atRisk(length: Int32)
  /// The last counted day is before yesterday.
  case broken

  /// - Parameters:
  ///   - firstDay: First day of the last run.
  ///   - lastDay: Its last day; nil if no day counts. A day after today counts as today: the person is ahead of their earliest zone.
  init(firstDay: Int32, lastDay: Int32?, today: Int32) {
    guard let lastDay else {
      self = .none
      return
    }
    let length = lastDay - firstDay + 1
    if lastDay >= today {
      self = .doneToday(length: length)
    } else if lastDay == today - 1 {
      self = .atRisk(length: length)
    } else {
      self = .broken
    }
  }

  /// Length in days of the run that ends today or yesterday; otherwise 0.
  var length: Int32 {
    switch self {
    case .doneToday(let length), .atRisk(let length): length
    case .none, .broken: 0
    }
  }
}
