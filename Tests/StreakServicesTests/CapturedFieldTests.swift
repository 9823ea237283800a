import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import StreakDomain
@testable import StreakServices
import Testing

@Suite("The fields of a capture")
struct CapturedFieldTests {
  private static let day: Int32 = 20_780
  private static let time = Schema.LocalTime(
    occurredAt: GoogleProtobufTimestamp(seconds: Int64(day) * 86_400), zone: "Etc/UTC")
  private static let id = Identifier(high: 7, low: 1).bytes

  private static let capture = Schema.CapturedSession(
    habits: [
      CapturedHabit(
        habit: Habit(id: id, name: "Read"), claim: StreakClaim(currentStreak: 1, lastCompletedDay: day))
    ],
    entries: [CapturedEntry(habitId: id, day: day, done: true, note: "n", clientTime: time)], capturedAt: time,
    manifest: CaptureManifest(habitCount: 1, entryCount: 1, sha256: [UInt8](repeating: 0, count: 32)))

  /// The path of the refused field of a changed capture: of its field rules, or of the checks that
  /// follow them; nil if only its hash is refused.
  private func field(_ change: (inout Schema.CapturedSession) -> Void) throws -> String? {
    var changed = Self.capture
    change(&changed)
    if let violation = changed.fieldViolations().first { return violation.path }
    do throws(RPCStatus) {
      _ = try CheckedCapture.checked(changed, path: "captured")
      Issue.record("The hash is wrong.")
      return nil
    } catch {
      guard let refused = error.detail(GoogleRPCBadRequest.self)?.fieldViolations.first else {
        #expect(error.detail(GoogleRPCErrorInfo.self)?.reason == "CAPTURE_CORRUPT")
        return nil
      }
      #expect(refused.field.hasPrefix("captured."))
      return String(refused.field.dropFirst("captured.".count))
    }
  }

  @Test("C37: an impossible field is named by its path")
  func paths() throws {
    #expect(try field { _ in } == nil)
    #expect(try field { $0.habits[0].claim?.currentStreak = -1 } == "habits[0].claim.current_streak")
    for day: Int32 in [-1, 1, 10_956, .max] {
      #expect(
        try field { $0.habits[0].claim?.lastCompletedDay = day } == "habits[0].claim.last_completed_day", "\(day)")
    }
    #expect(try field { $0.habits[0].claim?.lastCompletedDay = 0 } == nil)
    for day in [Int32.min, 10_956, 2_932_897, .max] {
      #expect(try field { $0.entries[0].day = day } == "entries[0].day")
    }
    #expect(try field { $0.entries[0].note = String(repeating: "a", count: 4_097) } == "entries[0].note")
    #expect(try field { $0.entries[0].note = String(repeating: "a", count: 4_096) } == nil)
    #expect(
      try field { $0.entries[0].clientTime?.utcOffsetSeconds = .max } == "entries[0].client_time.utc_offset_seconds")
    #expect(try field { $0.entries[0].clientTime?.zone = "a\u{7}" } == "entries[0].client_time.zone")
    #expect(
      try field { $0.entries[0].clientTime?.occurredAt?.seconds = .max } == "entries[0].client_time.occurred_at")
    #expect(try field { $0.entries[0].habitId = [] } == "entries[0].habit_id")
    #expect(try field { $0.capturedAt?.dayStartMinutes = .min } == "captured_at.day_start_minutes")
    #expect(try field { $0.capturedAt?.zone = "" } == "captured_at.zone")
    #expect(try field { $0.habits[0].habit?.id = [1] } == "habits[0].habit.id")
    #expect(try field { $0.habits.append($0.habits[0]) } == "habits[1].habit.id")
    #expect(try field { $0.habits[0].habit?.name = "" } == "habits[0].habit.name")
    #expect(try field { $0.habits[0].habit?.name = "a\u{7}" } == "habits[0].habit.name")
    #expect(try field { $0.manifest?.entryCount = -1 } == "manifest.entry_count")
    #expect(try field { $0.manifest?.habitCount = -1 } == "manifest.habit_count")
  }

  @Test("the ledger's own limits are those of the field rules")
  func limits() {
    func isValid(_ change: (inout SetCompletion) -> Void) -> (rules: Bool, ledger: Bool) {
      var statement = SetCompletion(habitId: Self.id, day: Self.day, done: true, clientTime: Self.time)
      change(&statement)
      let time = statement.clientTime ?? Self.time
      let clientTime = ClientTime(
        occurredAt: .epoch, zone: time.zone, utcOffsetSeconds: time.utcOffsetSeconds,
        dayStartMinutes: time.dayStartMinutes)
      return (
        statement.fieldViolations().isEmpty,
        DayRules.isWellFormed(day: Day(statement.day), clientTime: clientTime)
          && statement.note.utf8.count <= DayRules.noteBytesMax
      )
    }
    for day in [Day.earliest.number, Day.latest.number] {
      for number in [day - 1, day, day + 1] {
        let valid = isValid { $0.day = number }
        #expect(valid.rules == valid.ledger, "\(number)")
      }
    }
    for bytes in [0, 1, DayRules.zoneBytesMax, DayRules.zoneBytesMax + 1] {
      let valid = isValid { $0.clientTime?.zone = String(repeating: "z", count: bytes) }
      #expect(valid.rules == valid.ledger, "\(bytes)")
    }
    for seconds in [-43_201, -43_200, 50_400, 50_401] as [Int32] {
      let valid = isValid { $0.clientTime?.utcOffsetSeconds = seconds }
      #expect(valid.rules == valid.ledger, "\(seconds)")
    }
    for minutes in [-1, 0, 1_439, 1_440] as [Int32] {
      let valid = isValid { $0.clientTime?.dayStartMinutes = minutes }
      #expect(valid.rules == valid.ledger, "\(minutes)")
    }
    for bytes in [DayRules.noteBytesMax, DayRules.noteBytesMax + 1] {
      let valid = isValid { $0.note = String(repeating: "n", count: bytes) }
      #expect(valid.rules == valid.ledger, "\(bytes)")
    }
  }
}
