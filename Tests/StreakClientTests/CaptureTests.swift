import ProtobufCodec
import Schema
import StreakDomain
import Testing

@testable import StreakClient

@Suite("The capture of a session")
struct CaptureTests {
  /// A session whose habits and days have the longest texts.
  private static func session(habits: Int, daysEach: Int) -> AnonymousSession {
    var session = AnonymousSession(begunAt: TestClock.noon)
    let zone = String(repeating: "z", count: 64)
    for number in 0..<habits {
      let id = Identifier(high: 2, low: UInt64(number))
      session.habits[id] = HabitFields(
        name: String(repeating: "n", count: 256), description: String(repeating: "d", count: 2_048),
        color: 0xFF_FFFF, position: 1_000_000, archived: true)
      for ago in 0..<daysEach {
        let time = ClientTime(
          occurredAt: TestClock.noon.advanced(byMilliseconds: -Int64(ago) * 86_400_000), zone: zone,
          utcOffsetSeconds: -43_200,
          dayStartMinutes: 1_439)
        session.entries[CellKey(habitID: id, day: Day(20_000).advanced(by: -ago))] = .init(
          done: true, note: String(repeating: "x", count: 4_096), clientTime: time)
      }
    }
    return session
  }

  @Test("a session with more bytes of notes than a request may have is captured without its earliest days")
  func cut() {
    let session = Self.session(habits: 10, daysEach: 500)
    let claim = session.makeClaim(
      migrationID: .random(), at: ClientTime(occurredAt: TestClock.noon, zone: "UTC", utcOffsetSeconds: 0))
    let bytes = claim.protobufBytes().count
    #expect(bytes <= AnonymousSession.captureBytesMax && bytes > AnonymousSession.captureBytesMax - 200_000)
    let sent = SentSession(claim).days.keys
    #expect(claim.captured?.manifest?.entryCount == Int32(sent.count))
    let latest = session.entries.keys.sorted { ($0.day, $0) > ($1.day, $1) }.prefix(sent.count)
    #expect(Set(sent) == Set(latest))
    // The others follow.
    let later = session.dayChanges(since: SentSession(claim), [:], migrations: [])
    #expect(later.count == 2 * (session.entries.count - sent.count))
  }

  @Test("with as many habits as possible, each with the longest texts, a capture fits as well")
  func habits() {
    let session = Self.session(habits: StreakClient.habitsMax, daysEach: 4)
    let claim = session.makeClaim(
      migrationID: .random(), at: ClientTime(occurredAt: TestClock.noon, zone: "UTC", utcOffsetSeconds: 0))
    let bytes = claim.protobufBytes().count
    #expect(bytes <= AnonymousSession.captureBytesMax && bytes > AnonymousSession.captureBytesMax - 200_000)
    #expect(claim.captured?.habits.count == StreakClient.habitsMax)
  }
}
