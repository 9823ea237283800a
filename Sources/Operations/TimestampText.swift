internal import StreakDomain
internal import StreakStore

/// PostgreSQL's text of a timestamp: ISO 8601 with a space, up to six decimals and an offset, such
/// as `2026-11-24 07:00:00.5+05:30`.
enum TimestampText {
  /// Microseconds since 1970-01-01T00:00:00Z; nil for any other text, and for years outside 1 to
  /// 9999.
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

  /// In UTC, to the second.
  static func text(_ moment: Instant) -> String {
    let seconds = moment.seconds
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    func padded(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let rest = seconds - day * 86_400
    return "\(Day(Int32(clamping: day))) \(padded(rest / 3_600)):\(padded(rest / 60 % 60)):\(padded(rest % 60))+00"
  }

  /// Seconds of `hh`, `hh:mm` or `hh:mm:ss`.
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
