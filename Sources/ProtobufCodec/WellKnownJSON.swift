/// The special JSON forms of `google.protobuf.Timestamp` and `Duration`. Source: ProtoJSON format,
/// "Well-known types".
enum WellKnownJSON {
  static let timestamp = "google.protobuf.Timestamp"
  static let duration = "google.protobuf.Duration"

  /// Seconds of 0001-01-01T00:00:00Z and of the last second of year 9999.
  static let timestampSeconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799
  /// About 10,000 years in both directions.
  static let durationSeconds: ClosedRange<Int64> = -315_576_000_000...315_576_000_000

  /// `2026-11-23T19:00:00.5Z`, with 0, 3, 6 or 9 fraction digits; nil outside years 1 to 9999.
  static func timestampText(seconds: Int64, nanos: Int32) -> String? {
    guard timestampSeconds.contains(seconds), (0..<1_000_000_000).contains(nanos) else { return nil }
    let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    let second = seconds - day * 86_400
    let (year, month, dayOfMonth) = civil(day)
    return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(dayOfMonth, 2) + "T" + pad(second / 3_600, 2) + ":"
      + pad(second / 60 % 60, 2) + ":" + pad(second % 60, 2) + fraction(nanos) + "Z"
  }

  /// `-1.5s`; nil outside the range, or when the signs of seconds and nanos differ.
  static func durationText(seconds: Int64, nanos: Int32) -> String? {
    guard durationSeconds.contains(seconds), nanos > -1_000_000_000, nanos < 1_000_000_000,
      seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
    else { return nil }
    return (seconds < 0 || nanos < 0 ? "-" : "") + "\(seconds.magnitude)" + fraction(Int32(nanos.magnitude)) + "s"
  }

  static func parseTimestamp(_ text: String) -> (seconds: Int64, nanos: Int32)? {
    let bytes = Array(text.utf8)
    func digits(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
      return bytes[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
    func has(_ character: Character, at index: Int) -> Bool {
      index < bytes.count && bytes[index] == character.asciiValue
    }
    guard let year = digits(0..<4), has("-", at: 4), let month = digits(5..<7), has("-", at: 7),
      let day = digits(8..<10), has("T", at: 10), let hour = digits(11..<13), has(":", at: 13),
      let minute = digits(14..<16), has(":", at: 16), let second = digits(17..<19), (1...12).contains(month), year >= 1,
      hour < 24, minute < 60, second < 60
    else { return nil }
    let dayNumber = days(year, month, day)
    let back = civil(dayNumber)
    guard back == (year, month, day) else { return nil }
    var index = 19
    var nanos: Int64 = 0
    if has(".", at: index) {
      let start = index + 1
      index = start
      while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 { index += 1 }
      guard (1...9).contains(index - start), let value = digits(start..<index) else { return nil }
      nanos = (0..<9 - (index - start)).reduce(value) { value, _ in value * 10 }
    }
    var offsetSeconds: Int64 = 0
    if has("Z", at: index) {
      index += 1
    } else {
      guard has("+", at: index) || has("-", at: index), let hours = digits(index + 1..<index + 3),
        has(":", at: index + 3), let minutes = digits(index + 4..<index + 6), hours < 24, minutes < 60
      else { return nil }
      offsetSeconds = (hours * 3_600 + minutes * 60) * (has("-", at: index) ? -1 : 1)
      index += 6
    }
    let seconds = dayNumber * 86_400 + hour * 3_600 + minute * 60 + second - offsetSeconds
    guard index == bytes.count, timestampSeconds.contains(seconds) else { return nil }
    return (seconds, Int32(nanos))
  }

  static func parseDuration(_ text: String) -> (seconds: Int64, nanos: Int32)? {
    guard text.hasSuffix("s") else { return nil }
    let isNegative = text.hasPrefix("-")
    let parts = text.dropFirst(isNegative ? 1 : 0).dropLast().split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, !whole.isEmpty, whole.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
      let seconds = Int64(whole), durationSeconds.contains(seconds)
    else { return nil }
    var nanos: Int32 = 0
    if parts.count == 2 {
      guard (1...9).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        let value = Int32(parts[1] + String(repeating: "0", count: 9 - parts[1].utf8.count))
      else { return nil }
      nanos = value
    }
    return isNegative ? (-seconds, -nanos) : (seconds, nanos)
  }

  private static func fraction(_ nanos: Int32) -> String {
    if nanos == 0 { return "" }
    if nanos % 1_000_000 == 0 { return "." + pad(Int64(nanos / 1_000_000), 3) }
    if nanos % 1_000 == 0 { return "." + pad(Int64(nanos / 1_000), 6) }
    return "." + pad(Int64(nanos), 9)
  }

  private static func pad(_ value: Int64, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }

  // Converts between days since 1970-01-01 and the proleptic Gregorian calendar, by whole 400-year
  // eras that begin in March.
  private static func civil(_ day: Int64) -> (Int64, Int64, Int64) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }

  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
