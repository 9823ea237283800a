import GRPCSchema
import ProtobufCodec
import Schema
import Testing

@Suite("The largest capture")
struct LargestCaptureTests {
  /// As many habits and entries as the schema allows, every field set.
  private func request(entries: Int) -> MigrateRequest {
    let id = [UInt8](repeating: 7, count: 16)
    let clientTime = LocalTime(
      occurredAt: GoogleProtobufTimestamp(seconds: 1_764_000_000, nanos: 1), zone: "Europe/Berlin",
      utcOffsetSeconds: 3_600, dayStartMinutes: 240)
    let habit = CapturedHabit(
      habit: Habit(
        id: id, name: "Read", description: "d", color: 1, position: 1, archived: true, version: 1,
        createdAt: clientTime.occurredAt, deleted: true),
      claim: StreakClaim(currentStreak: 1, lastCompletedDay: 20_000))
    let captured = CapturedSession(
      habits: Array(repeating: habit, count: 1_000),
      entries: Array(
        repeating: CapturedEntry(habitId: id, day: 20_000, done: true, note: "n", clientTime: clientTime),
        count: entries),
      capturedAt: clientTime,
      manifest: CaptureManifest(
        habitCount: 1_000, entryCount: Int32(clamping: entries), sha256: [UInt8](repeating: 1, count: 32)))
    return MigrateRequest(
      session: SessionClaim(
        sessionId: id, sessionSecret: [UInt8](repeating: 1, count: 32), migrationId: id, unanchored: true,
        captured: captured),
      habitMap: Array(repeating: HabitMapping(capturedHabitId: id, habitId: id), count: 1_000), planHash: [],
      secondDevice: true)
  }

  @Test("the largest capture of the schema's rules can be decoded, and one entry more is refused with the rule")
  func isDecoded() throws {
    let bytes = request(entries: 50_001).protobufBytes()
    let refusal = #expect(throws: DecodeError.self) { try MigrateRequest(protobufBytes: bytes) }
    #expect(refusal.map { "\($0)" } == "session.captured.entries must have at most 50000 items, has 50001")
    let largest = try MigrateRequest(protobufBytes: request(entries: 50_000).protobufBytes())
    #expect(largest.session?.captured?.entries.count == 50_000 && largest.fieldViolations().isEmpty)
  }
}
