/// A habit's frequency in words.
enum Rhythm {
  /// - Returns: Empty for daily.
  static func words(times: Int, days: Int) -> String {
    guard times >= 1, days >= 1, times < days else { return "" }
    let count = times == 1 ? "once" : "\(times) times"
    return switch (times, days) {
    case (_, 7): "\(count) a week"
    case (_, 28...31): "\(count) a month"
    case (_, 365...366): "\(count) a year"
    case (1, _): "every \(days) days"
    default: "\(count) in \(days) days"
    }
  }
}
