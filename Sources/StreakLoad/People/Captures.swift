internal import Cryptography
internal import Schema
internal import SchemaConversion
internal import struct StreakDomain.CapturedSession
internal import struct StreakDomain.ClientTime
internal import struct StreakDomain.Day
internal import struct StreakDomain.HabitFields
internal import struct StreakDomain.Identifier
internal import struct StreakDomain.Instant

/// A device's sessions at a sign-up: habits done on every day up to yesterday.
enum Captures {
  /// The zone of all generated people, without daylight saving time.
  static let zone = "Etc/UTC"
  private static let millisecondsPerDay: Int64 = 86_400_000

  static func day(atMilliseconds now: Int64) -> Int32 { Int32(clamping: now / millisecondsPerDay) }

  static func clientTimeNow(_ now: Int64) -> Schema.LocalTime { Schema.LocalTime(clientTime(atMilliseconds: now)) }

  private static func clientTime(atMilliseconds now: Int64) -> ClientTime {
    ClientTime(occurredAt: Instant(milliseconds: now), zone: zone, utcOffsetSeconds: 0)
  }

  /// - Parameters:
  ///   - habits: Their ids.
  ///   - days: Number of days of each; the last one is yesterday.
  static func session(habits: [[UInt8]], days: Int, atMilliseconds now: Int64) -> Schema.CapturedSession {
    var captured = StreakDomain.CapturedSession(
      habits: [], entries: [], capturedAt: clientTime(atMilliseconds: now),
      manifest: .init(habitCount: 0, entryCount: 0, sha256: []))
    for (index, id) in habits.compactMap({ Identifier($0) }).enumerated() {
      captured.habits.append(
        .init(
          id: id, fields: HabitFields(name: "Habit \(index + 1)"),
          claim: .init(
            currentStreak: Int32(clamping: days),
            lastCompletedDay: days == 0 ? nil : Day(day(atMilliseconds: now) - 1))))
      for ago in (0..<days).reversed() {
        let moment = now - Int64(ago + 1) * millisecondsPerDay
        captured.entries.append(
          .init(
            habitID: id, day: Day(day(atMilliseconds: moment)), done: true, note: "",
            clientTime: clientTime(atMilliseconds: moment)))
      }
    }
    captured.manifest = .init(
      habitCount: captured.habits.count, entryCount: captured.entries.count,
      sha256: SHA256.digest(of: captured.canonicalBytes))
    return Schema.CapturedSession(captured)
  }
}
