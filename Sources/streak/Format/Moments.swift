import Glibc
import StreakDomain

/// A moment in the machine's zone, such as `2026-11-29 14:05`.
func moment(_ instant: Instant) -> String {
  var seconds = time_t(instant.seconds)
  var parts = tm()
  localtime_r(&seconds, &parts)
  func digits(_ number: Int32, _ count: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, count - text.count)) + text
  }
  return
    "\(digits(parts.tm_year + 1_900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2)) \(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2))"
}
