@testable import StreakDomain
import Testing
import TestSupport

@Suite("CapturedSession")
struct CapturedSessionTests {
  private static let bytes = [UInt8](0..<16)
  private static let id = Identifier(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F)

  private func session() -> CapturedSession {
    let time = ClientTime(
      occurredAt: noon, zone: "Asia/Kathmandu", utcOffsetSeconds: 20_700, dayStartMinutes: 240)
    return CapturedSession(
      habits: [
        CapturedSession.Habit(
          id: Self.id,
          fields: HabitFields(name: "Café", description: "d", color: 0x0102_03FF, position: 7, archived: true),
          claim: CapturedSession.Claim(currentStreak: 1, lastCompletedDay: today))
      ],
      entries: [
        CapturedSession.Entry(
          habitID: Self.id, day: today, done: true, note: "n", clientTime: time, occurredAtSeconds: -2,
          occurredAtNanos: 5)
      ],
      capturedAt: time, manifest: CapturedSession.Manifest(habitCount: 1, entryCount: 1, sha256: []))
  }

  @Test("the canonical bytes are those of the contract, written out by hand")
  func canonicalBytes() {
    var expected: [UInt8] = Array("streak.v1.capture.1".utf8) + [0]
    expected += [0, 0, 0, 1] + Self.bytes
    expected += [0, 0, 0, 5, 0x43, 0x61, 0x66, 0xC3, 0xA9] + [0, 0, 0, 1, 0x64]
    expected += [0x01, 0x02, 0x03, 0xFF] + [0, 0, 0, 7] + [1]
    expected += [0, 0, 0, 1] + Self.bytes
    expected += [0, 0, 0x51, 0x2C] + [1]
    expected += [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE] + [0, 0, 0, 5]
    expected += [0, 0, 0x50, 0xDC] + [0, 0, 0, 0xF0]
    expected += [0, 0, 0, 14] + Array("Asia/Kathmandu".utf8) + [0, 0, 0, 1, 0x6E]
    #expect(session().canonicalBytes == expected)
  }

  @Test("composed and decomposed letters are different bytes: text is hashed as sent")
  func notNormalised() {
    var decomposed = session()
    decomposed.habits[0].fields.name = "Cafe\u{301}"
    #expect(decomposed.canonicalBytes != session().canonicalBytes)
  }
}
