/// A moment as the field Date has it, such as `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110,
/// section 5.6.7.
public enum HTTPDate {
  private static let secondsPerDay = 86_400
  private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  /// The last second of the year 9999: the form has no fifth digit.
  private static let secondsMax = 253_402_300_799

  /// - Parameter seconds: Since 1970 in UTC; moments before that, and after the year 9999, become
  ///   the nearest that can be written.
  public static func text(unixSeconds seconds: Int) -> String {
    let seconds = min(max(seconds, 0), secondsMax)
    let days = seconds / secondsPerDay
    let (year, month, day) = date(daysSince1970: days)
    let time = seconds % secondsPerDay
    return "\(weekdays[days % 7]), \(padded(day)) \(months[month - 1]) "
      + "\(padded(year / 100))\(padded(year % 100)) "
      + "\(padded(time / 3_600)):\(padded(time / 60 % 60)):\(padded(time % 60)) GMT"
  }

  private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// The Gregorian date. Years are counted from March, so that the day that some years lack is
  /// their last.
  private static func date(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let sinceMarch = days + 719_468  // since 1 March of the year 0
    let era = sinceMarch / 146_097  // 400 years
    let dayOfEra = sinceMarch % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}
