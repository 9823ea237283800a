internal import Cryptography
internal import GRPCSchema
internal import Schema
internal import struct StreakDomain.CapturedSession
internal import struct StreakDomain.Day
internal import struct StreakDomain.ClientTime
internal import struct StreakDomain.Instant

/// A device's sessions at a sign-up: habits done on every day up to yesterday.
enum Captures {
  /// The zone of all generated people, without daylight saving time.
  static let zone = "Etc/UTC"
  private static let millisecondsPerDay: Int64 = 86_400_000

  static func day(atMilliseconds now: Int64) -> Int32 { Int32(clamping: now / millisecondsPerDay) }

  static func clientTimeNow(_ now: Int64) -> Schema.LocalTime { clientTime(atMilliseconds: now) }

  private static func clientTime(atMilliseconds now: Int64) -> Schema.LocalTime {
    Schema.LocalTime(
      occurredAt: GoogleProtobufTimestamp(seconds: now / 1000, nanos: Int32(now % 1000) * 1_000_000), zone: zone)
  }

  /// - Parameters:
  ///   - habits: Their ids.
  ///   - days: Number of days of each; the last one is yesterday.
  static func session(habits: [[UInt8]], days: Int, atMilliseconds now: Int64) -> Schema.CapturedSession {
    var captured = Schema.CapturedSession(capturedAt: clientTime(atMilliseconds: now))
    var plain = StreakDomain.CapturedSession(
      habits: [], entries: [], capturedAt: domain(now), manifest: .init(habitCount: 0, entryCount: 0, sha256: []))
    for (index, id) in habits.enumerated() {
      let name = "Habit \(index + 1)"
      captured.habits.append(
        CapturedHabit(
          habit: Habit(id: id, name: name),
          claim: StreakClaim(
            currentStreak: Int32(clamping: days),
            lastCompletedDay: days == 0 ? 0 : day(atMilliseconds: now) - 1)))
      plain.habits.append(.init(id: id, name: name))
      for ago in (0..<days).reversed() {
        let moment = now - Int64(ago + 1) * millisecondsPerDay
        let entry = CapturedEntry(
          habitId: id, day: day(atMilliseconds: moment), done: true, clientTime: clientTime(atMilliseconds: moment))
        captured.entries.append(entry)
        plain.entries.append(
          .init(
            habitID: id, day: Day(entry.day), done: true, note: "", clientTime: domain(moment),
            occurredAtSeconds: moment / 1000, occurredAtNanos: Int32(moment % 1000) * 1_000_000))
      }
    }
    captured.manifest = CaptureManifest(
      habitCount: Int32(clamping: captured.habits.count), entryCount: Int32(clamping: captured.entries.count),
      sha256: SHA256.digest(of: plain.canonicalBytes))
    return captured
  }

  private static func domain(_ now: Int64) -> ClientTime {
    ClientTime(occurredAt: Instant(milliseconds: now), zone: zone, utcOffsetSeconds: 0)
  }
}
