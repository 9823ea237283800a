import Cryptography
import Glibc
import GRPCSchema
import ProtobufCodec
import RPC
import Schema
import SchemaConversion
import SplitMix
import StreakDomain
@testable import StreakServices
@testable import StreakStore
import TestSupport
import Testing

/// Captured sessions that no correct device makes: partial, corrupted, contradictory, hostile.
struct CaptureFuzzTests {
  private static let now = Instant(seconds: 1_795_435_200)
  private static let today: Int32 = 20_780
  private static let userID = Identifier(high: 1, low: 1)
  private static let deviceID = Identifier(high: 1, low: 2)

  private static let ids = (0..<6).map { Identifier(high: 7, low: $0) }
  private static let names = ["Read", "read", " READ ", "Run", "Laufen", "Cafe\u{301}", "Café", "x", "\u{202E}evil"]
  private static let extremes: [Int32] = [.min, -1, 0, 1, 10_956, 10_957, 2_932_896, 2_932_897, .max]

  private static func time(_ day: Int32, _ dice: inout SplitMix64) -> Schema.LocalTime {
    var seconds = Int64(day) * 86_400 + 43_200 + Int64.random(in: -30_000...30_000, using: &dice)
    if dice.isRare() { seconds = dice.choice(of: [.min, -62_135_596_801, 0, 253_402_300_800, .max]) }
    return Schema.LocalTime(
      occurredAt: GoogleProtobufTimestamp(seconds: seconds, nanos: dice.isRare() ? -1 : 0),
      zone: dice.isRare() ? "" : "Mars/Base",
      utcOffsetSeconds: dice.isRare()
        ? dice.choice(of: extremes) : dice.choice(of: [0, 20_700, -43_200, 50_400]),
      dayStartMinutes: dice.isRare() ? 1_440 : 0)
  }

  private static func claim(_ dice: inout SplitMix64) -> SessionClaim {
    let habits = (0..<Int.random(in: 0...4, using: &dice)).map { place in
      CapturedHabit(
        habit: Habit(
          id: dice.isRare() ? [1] : (dice.isRare() ? ids[0] : ids[place]).bytes,
          name: dice.isRare() ? "" : dice.choice(of: names),
          description: String(repeating: "d", count: Int.random(in: 0...3, using: &dice)),
          color: UInt32.random(in: 0...0xFF_FFFF, using: &dice), position: Int32.random(in: 0...9, using: &dice),
          archived: Bool.random(using: &dice)),
        claim: StreakClaim(
          currentStreak: dice.isRare()
            ? dice.choice(of: extremes) : Int32.random(in: 0...40, using: &dice),
          lastCompletedDay: today - Int32.random(in: 0...5, using: &dice)))
    }
    let entries = (0..<Int.random(in: 0...60, using: &dice)).map { _ in
      let day =
        dice.isRare() ? dice.choice(of: extremes) : today + Int32.random(in: -45...3, using: &dice)
      return CapturedEntry(
        habitId: (dice.choice(of: ids)).bytes, day: day,
        done: Int.random(in: 0..<4, using: &dice) > 0,
        note: String(repeating: "n", count: dice.isRare() ? 4_096 : Int.random(in: 0...2, using: &dice)),
        clientTime: time(day, &dice))
    }
    var captured = Schema.CapturedSession(
      habits: habits, entries: entries, capturedAt: time(today, &dice),
      manifest: CaptureManifest(habitCount: Int32(habits.count), entryCount: Int32(entries.count)))
    if let domain = try? StreakDomain.CapturedSession(captured, path: "") {
      captured.manifest?.sha256 = SHA256.digest(of: domain.canonicalBytes)
    }
    switch Int.random(in: 0..<12, using: &dice) {
    case 0 where !entries.isEmpty: captured.entries.removeLast()
    case 1 where !entries.isEmpty: captured.entries[0].note += "!"
    case 2 where !entries.isEmpty: captured.entries.append(entries[0])
    case 3: captured.manifest?.sha256 = []
    default: break
    }
    return SessionClaim(
      sessionId: ids[5].bytes, sessionSecret: [UInt8](repeating: 3, count: 32), migrationId: ids[4].bytes,
      unanchored: true, captured: captured)
  }

  private static func account(_ dice: inout SplitMix64) -> PersonLedger {
    var ledger = PersonLedger(
      epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: now), habitsMax: 6)
    ledger.register(deviceID: deviceID, now: now)
    func makeID() -> Identifier { Identifier.random() }
    for id in ids.prefix(Int.random(in: 0...3, using: &dice)) {
      let fields = HabitFields(name: dice.choice(of: names))
      _ = ledger.applyDirectly(
        .editHabit(StreakDomain.Operation.HabitEdit(habitID: id, fields: fields)), by: deviceID, now: now)
      for _ in 0..<Int.random(in: 0...6, using: &dice) {
        let day = today - Int32.random(in: 0...2, using: &dice)
        let clientTime = ClientTime(
          occurredAt: Instant(seconds: Int64(day) * 86_400 + 43_200), zone: "Etc/UTC", utcOffsetSeconds: 0)
        _ = ledger.applyDirectly(
          .setCompletion(
            StreakDomain.Operation.Completion(
              habitID: id, day: Day(day), done: Bool.random(using: &dice), note: Bool.random(using: &dice) ? "own" : "",
              clientTime: clientTime)), by: deviceID, now: now)
      }
      if dice.isRare() {
        _ = ledger.applyDirectly(.deleteHabit(id), by: deviceID, now: now)
      }
    }
    ledger.finishChange(now: now, makeID: makeID)
    return ledger
  }

  @Test(
    "no capture crashes the server, loses an entry, or makes a day count outside the rules", arguments: seeds(40))
  func hostile(block: UInt64) throws {
    var judged = 0
    for seed in block * Self.seedsPerBlock..<(block + 1) * Self.seedsPerBlock {
      judged += try Self.isJudged(seed) ? 1 : 0
    }
    // Most captures pass the first check, otherwise this would test nothing.
    #expect(judged > Int(Self.seedsPerBlock) / 4)
  }

  private static let seedsPerBlock: UInt64 = 50

  /// - Returns: Whether the capture becomes a migration.
  private static func isJudged(_ seed: UInt64) throws -> Bool {
    var dice = SplitMix64(seed: seed)
    let (claim, before) = (Self.claim(&dice), Self.account(&dice))
    let anchorDays: Int64? = Bool.random(using: &dice) ? Int64.random(in: -2...40, using: &dice) : nil
    guard claim.fieldViolations().isEmpty, let capture = try? CheckedCapture(claim) else { return false }
    let session = anchorDays.map { days in
      SessionRecord(
        sessionID: Self.ids[5], secretHash: SHA256.digest(of: claim.sessionSecret),
        anchor: Self.now.advanced(bySeconds: -days * 86_400))
    }
    let decision = try MigrationDecision(
      capture, map: [], planHash: [], isSecondDevice: false, userID: Self.userID, at: Self.now
    ) { detail in
      AuditEventRecord(
        userID: Self.userID, occurredAt: Self.now, method: "m", outcome: "OK", reason: "", deviceID: nil,
        peerAddress: "",
        detail: detail)
    }
    _ = try #require(
      try decision.begin(
        MigrationState(
          session: session, habits: before.habits, changeNumber: before.changeNumber)
      ).get())
    var ledger = before
    guard case .success = decision.merge(into: &ledger) else {
      #expect(before.habitCount + capture.captured.habits.count > 6, "seed \(seed)")
      return true
    }
    ledger.readFullHabits(from: before)
    ledger.finishChange(now: Self.now) { Identifier.random() }
    let record = try decision.finish(ledger).get()
    try Self.check(decision, record, capture, before, ledger, anchorDays, seed)
    return true
  }

  private static func check(
    _ decision: MigrationDecision, _ record: MergeRecord, _ capture: CheckedCapture, _ before: PersonLedger,
    _ ledger: PersonLedger, _ anchorDays: Int64?, _ seed: UInt64
  ) throws {
    let result = try MigrationResult(protobufBytes: record.migration.result)
    #expect(result.protobufBytes() == record.migration.result)
    let targets = Dictionary(
      result.habits.map { ($0.capturedHabitId, $0.habitId) }, uniquingKeysWith: { first, _ in first })
    let rejected = Set(record.rejected.map(\.index))
    for (index, entry) in capture.captured.entries.enumerated() where !rejected.contains(Int32(index)) {
      let target = try #require(targets[entry.habitID.bytes].flatMap { Identifier($0) }, "seed \(seed)")
      let state = try #require(ledger.cells[CellKey(habitID: target, day: entry.day)], "seed \(seed)")
      // Its note is in the cell, or the shown note is in a notice.
      let isKept =
        entry.note.isEmpty || state.cell.note.contains(entry.note)
        || ledger.notices.values.contains { $0.day == entry.day && $0.losingValue?.text.contains(entry.note) == true }
      #expect(isKept, "seed \(seed)")
    }
    let captured = Int64(result.capturedDay)
    for (key, state) in ledger.cells where state.cell.counts && before.cells[key]?.cell.counts != true {
      // A day that the account has claimed and undone has the status of that claim when it is done
      // again.
      guard before.cells[key]?.cell.trust != .counted else { continue }
      let age = captured - Int64(key.day.number)
      #expect((0..<30).contains(age), "seed \(seed)")
      if let anchorDays { #expect(age < max(0, anchorDays) + 2, "seed \(seed)") }
    }
    for (key, state) in before.cells {
      let after = try #require(ledger.cells[key]?.cell, "seed \(seed)")
      #expect(after.done || !state.cell.done, "seed \(seed)")
      #expect(after.counts || !state.cell.counts, "seed \(seed)")
    }
    for (id, habit) in ledger.habits {
      let days = ledger.cells.filter { $0.key.habitID == id && $0.value.cell.counts }.map(\.key.day)
      #expect(habit.summary == StreakSummary(countedDays: days), "seed \(seed)")
    }
  }
}

extension SplitMix64 {
  fileprivate mutating func isRare() -> Bool { Int.random(in: 0..<400, using: &self) == 0 }
}
