/// The special JSON forms of `google.protobuf.Timestamp` and `Duration`. Source: ProtoJSON format,
/// "Well-known types".
enum WellKnownJSON {
  /// Seconds of 0001-01-01T00:00:00Z and of the last second of year 9999.
  static let timestampSeconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799
  /// About 10,000 years in both directions.
  static let durationSeconds: ClosedRange<Int64> = -315_576_000_000...315_576_000_000

  /// Appends `2026-11-23T19:00:00.500Z`, with 0, 3, 6 or 9 fraction digits.
  /// - Returns: false, and nothing is appended, outside years 1 to 9999.
  static func appendTimestamp(seconds: Int64, nanos: Int32, to output: inout [UInt8]) -> Bool {
    guard timestampSeconds.contains(seconds), (0..<1_000_000_000).contains(nanos) else { return false }
    let day = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    let second = seconds - day * 86_400
    let (year, month, dayOfMonth) = civil(day)
    append(year, 4, to: &output)
    append(month, 2, after: "-", to: &output)
    append(dayOfMonth, 2, after: "-", to: &output)
    append(second / 3_600, 2, after: "T", to: &output)
    append(second / 60 % 60, 2, after: ":", to: &output)
    append(second % 60, 2, after: ":", to: &output)
    appendFraction(nanos, to: &output)
    output.append(UInt8(ascii: "Z"))
    return true
  }

  /// Appends `-1.500s`.
  /// - Returns: false, and nothing is appended, outside the range, or when the signs of seconds and
  ///   nanos differ.
  static func appendDuration(seconds: Int64, nanos: Int32, to output: inout [UInt8]) -> Bool {
    guard durationSeconds.contains(seconds), nanos > -1_000_000_000, nanos < 1_000_000_000,
      seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0)
    else { return false }
    if seconds < 0 || nanos < 0 { output.append(UInt8(ascii: "-")) }
    output.appendDecimal(seconds.magnitude)
    appendFraction(Int32(nanos.magnitude), to: &output)
    output.append(UInt8(ascii: "s"))
    return true
  }

  static func parseTimestamp(_ bytes: Span<UInt8>) -> (seconds: Int64, nanos: Int32)? {
    func digits(_ range: Range<Int>) -> Int64? { number(bytes, range) }
    func has(_ character: Unicode.Scalar, at index: Int) -> Bool {
      index < bytes.count && bytes[index] == UInt8(ascii: character)
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

  static func parseDuration(_ bytes: Span<UInt8>) -> (seconds: Int64, nanos: Int32)? {
    guard let last = bytes.indices.last, bytes[last] == UInt8(ascii: "s") else { return nil }
    let isNegative = bytes[0] == UInt8(ascii: "-")
    let start = isNegative ? 1 : 0
    var point = start
    while point < last, bytes[point] != UInt8(ascii: ".") { point += 1 }
    guard point > start, point - start <= 12, let seconds = number(bytes, start..<point),
      durationSeconds.contains(seconds)
    else { return nil }
    var nanos: Int64 = 0
    if point < last {
      let digits = last - point - 1
      guard (1...9).contains(digits), let value = number(bytes, point + 1..<last) else { return nil }
      nanos = (0..<9 - digits).reduce(value) { value, _ in value * 10 }
    }
    return isNegative ? (-seconds, Int32(-nanos)) : (seconds, Int32(nanos))
  }

  /// At most 18 digits as a number; nil for anything else.
  private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    guard range.upperBound <= bytes.count, range.count <= 18 else { return nil }
    var value: Int64 = 0
    for index in range {
      guard bytes[index] >= 0x30, bytes[index] <= 0x39 else { return nil }
      value = value * 10 + Int64(bytes[index] - 0x30)
    }
    return value
  }

  private static func appendFraction(_ nanos: Int32, to output: inout [UInt8]) {
    guard nanos > 0 else { return }
    var (digits, width) = (Int64(nanos), 9)
    while width > 3, digits % 1_000 == 0 { (digits, width) = (digits / 1_000, width - 3) }
    append(digits, width, after: ".", to: &output)
  }

  private static func append(
    _ value: Int64, _ width: Int, after mark: Unicode.Scalar? = nil, to output: inout [UInt8]
  ) {
    if let mark { output.append(UInt8(ascii: mark)) }
    output.appendDecimal(UInt64(value), width: width)
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
