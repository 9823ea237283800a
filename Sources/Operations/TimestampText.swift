internal import StreakDomain

/// PostgreSQL's text of a moment: ISO 8601 with a space, up to six decimals and an offset, such as `2026-11-24 07:00:00.5+05:30`.
enum TimestampText {
  /// Microseconds since 1970-01-01T00:00:00Z; nil for any other text, and for years outside 1 to 9999.
  static func microseconds(_ text: String) -> Int64? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, let day = Day(iso: parts[0]) else { return nil }
    guard let sign = parts[1].lastIndex(where: { $0 == "+" || $0 == "-" }) else { return nil }
    let time = parts[1][..<sign].split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(time.count), let seconds = seconds(time[0], partCount: 3),
      let offset = Self.seconds(parts[1][sign...].dropFirst(), partCount: nil)
    else { return nil }
    var fraction: Int64 = 0
    if time.count == 2 {
      let digits = time[1]
      guard (1...6).contains(digits.count), let value = Int64(digits), value >= 0 else { return nil }
      fraction = (0..<(6 - digits.count)).reduce(value) { value, _ in value * 10 }
    }
    let local = Int64(day.number) * 86_400 + seconds
    return (local - (parts[1][sign] == "-" ? -offset : offset)) * 1_000_000 + fraction
  }

  /// Of `hh`, `hh:mm` or `hh:mm:ss`.
  private static func seconds(_ text: Substring, partCount: Int?) -> Int64? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...3).contains(parts.count), partCount == nil || parts.count == partCount else { return nil }
    var seconds: Int64 = 0
    for (part, unit) in zip(parts, [3_600, 60, 1] as [Int64]) {
      guard part.utf8.count == 2, let number = Int64(part), (0...60).contains(number) else { return nil }
      seconds += number * unit
    }
    return seconds
  }
}
