/// A civil date, carried as the number of days since 1970-01-01 in the proleptic Gregorian
/// calendar.
public struct Day: Hashable, Strideable, Sendable, CustomStringConvertible {
  /// Days since 1970-01-01.
  public let number: Int32

  public init(_ number: Int32) { self.number = number }

  /// 2000-01-01, the earliest day that is accepted.
  public static let earliest = Day(10_957)
  /// 9999-12-31, the latest day that can be written.
  public static let latest = Day(2_932_896)

  public static func < (left: Day, right: Day) -> Bool { left.number < right.number }

  /// The day `count` days later; stops at the ends of `Int32`.
  public func advanced(by count: Int) -> Day {
    Day(Int32(clamping: Int(number) + min(max(count, -Int(UInt32.max)), Int(UInt32.max))))
  }

  /// Days from this day to `other`; negative if it is earlier.
  public func distance(to other: Day) -> Int { Int(other.number) - Int(number) }

  /// Year, month (1 to 12) and day of the month (1 to 31).
  public var civil: (year: Int, month: Int, day: Int) {
    // Whole 400-year eras that begin on 1 March, so that the leap day is the last day of a year.
    let shifted = Int(number) + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  /// The day of a civil date; nil when there is no such date between years 1 and 9999.
  public init?(year: Int, month: Int, day: Int) {
    guard (1...9_999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let found = Day(Int32(era * 146_097 + dayOfEra - 719_468))
    guard found.civil == (year, month, day) else { return nil }
    self = found
  }

  /// Reads what `description` writes for the years 1 to 9999: ten ASCII characters, `YYYY-MM-DD`,
  /// and nothing else.
  /// - Returns: Nil for any other text and for a date that does not exist.
  public init?(iso text: some StringProtocol) {
    let characters = Array(text.utf8.prefix(11))
    let dash = UInt8(ascii: "-")
    guard characters.count == 10, characters[4] == dash, characters[7] == dash else { return nil }
    func number(_ places: Range<Int>) -> Int? {
      characters[places].reduce(0 as Int?) { sum, character in
        guard let sum, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
        return sum * 10 + Int(character - UInt8(ascii: "0"))
      }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10) else { return nil }
    self.init(year: year, month: month, day: day)
  }

  /// Monday is 1, Sunday is 7.
  public var weekday: Int { ((Int(number) + 3) % 7 + 7) % 7 + 1 }

  /// ISO 8601, such as `2026-11-23`; years outside 0 to 9999 have a sign or more digits.
  public var description: String {
    let (year, month, day) = civil
    func pad(_ value: Int, _ width: Int) -> String {
      let digits = String(value.magnitude)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    return "\(year < 0 ? "-" : "")\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
  }
}
