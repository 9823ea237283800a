@testable import StreakDomain
import Testing
import TestSupport

@Suite("CapturedSession")
struct CapturedSessionTests {
  private static let id = [UInt8](0..<16)

  private func session() -> CapturedSession {
    let time = ClientTime(
      occurredAt: noon, zone: "Asia/Kathmandu", utcOffsetSeconds: 20_700, dayStartMinutes: 240)
    return CapturedSession(
      habits: [
        CapturedSession.Habit(
          id: Self.id, name: "Café", description: "d", color: 0x0102_03FF, position: 7, archived: true,
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
    expected += [0, 0, 0, 1] + Self.id
    expected += [0, 0, 0, 5, 0x43, 0x61, 0x66, 0xC3, 0xA9] + [0, 0, 0, 1, 0x64]
    expected += [0x01, 0x02, 0x03, 0xFF] + [0, 0, 0, 7] + [1]
    expected += [0, 0, 0, 1] + Self.id
    expected += [0, 0, 0x51, 0x2C] + [1]
    expected += [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE] + [0, 0, 0, 5]
    expected += [0, 0, 0x50, 0xDC] + [0, 0, 0, 0xF0]
    expected += [0, 0, 0, 14] + Array("Asia/Kathmandu".utf8) + [0, 0, 0, 1, 0x6E]
    #expect(session().canonicalBytes == expected)
  }

  @Test("composed and decomposed letters are different bytes: text is hashed as sent")
  func notNormalised() {
    var decomposed = session()
    decomposed.habits[0].name = "Cafe\u{301}"
    #expect(decomposed.canonicalBytes != session().canonicalBytes)
  }

  @Test("a capture whose fields are in range has no violations")
  func valid() {
    #expect(session().invalidField == nil)
  }

  @Test("C37: an impossible field is named by its path")
  func invalidFields() {
    func field(_ change: (inout CapturedSession) -> Void) -> String? {
      var changed = session()
      change(&changed)
      return changed.invalidField
    }
    #expect(field { $0.habits[0].claim?.currentStreak = -1 } == "habits[0].claim.current_streak")
    #expect(field { $0.habits[0].claim?.lastCompletedDay = Day(.max) } == "habits[0].claim.last_completed_day")
    for day in [Int32.min, 10_956, 2_932_897, .max] {
      #expect(field { $0.entries[0].day = Day(day) } == "entries[0].day")
    }
    #expect(field { $0.entries[0].note = String(repeating: "a", count: 10 << 20) } == "entries[0].note")
    #expect(field { $0.entries[0].note = String(repeating: "a", count: 4_097) } == "entries[0].note")
    #expect(field { $0.entries[0].note = String(repeating: "a", count: 4_096) } == nil)
    #expect(field { $0.entries[0].clientTime.utcOffsetSeconds = .max } == "entries[0].client_time.utc_offset_seconds")
    #expect(field { $0.entries[0].habitID = [] } == "entries[0].habit_id")
    #expect(field { $0.capturedAt.dayStartMinutes = .min } == "captured_at.day_start_minutes")
    #expect(field { $0.capturedAt.zone = "" } == "captured_at.zone")
    #expect(field { $0.habits[0].id = [1] } == "habits[0].habit.id")
    #expect(field { $0.habits.append($0.habits[0]) } == "habits[1].habit.id")
    #expect(field { $0.habits[0].name = "" } == "habits[0].habit.name")
    #expect(field { $0.manifest.entryCount = -1 } == "manifest.entry_count")
    #expect(field { $0.manifest.habitCount = -1 } == "manifest.habit_count")
  }
}
