@testable import StreakDomain
import Testing

@Suite("Recording rules")
struct RecordingRulesTests {
  private func record(_ day: Day, existing: LedgerCell? = nil) throws(EntryRejection) -> LedgerCell {
    try RecordingRules.record(
      day: day, note: "n", made: made(day), now: noon, zones: ZoneUses(), existing: existing)
  }

  @Test(
    "C105: recorded while connected, up to two days before today count, earlier ones are BACKFILL, past 30 TOO_OLD",
    arguments: [
      (0, .counted), (1, .counted), (2, .counted), (3, .quarantined(.backfill)), (5, .quarantined(.backfill)),
      (30, .quarantined(.backfill)), (31, .quarantined(.tooOld)),
    ] as [(Int, CellTrust)])
  func backfill(age: Int, trust: CellTrust) throws {
    #expect(try record(today.advanced(by: -age)).trust == trust)
  }

  @Test(
    "C62, C65: made by a device that was offline since then, 30 days late counts, 31 days late is TOO_OLD",
    arguments: [(2, .counted), (30, .counted), (31, .quarantined(.tooOld))] as [(Int, CellTrust)])
  func offline(age: Int, trust: CellTrust) {
    let day = today.advanced(by: -age)
    #expect(DayRules.trust(day: day, today: today, caughtUpDay: day) == trust)
  }

  @Test("a device may claim the day before it was caught up, and nothing earlier")
  func caughtUpEdge() {
    let caughtUp = today.advanced(by: -10)
    func trust(_ ago: Int) -> CellTrust {
      DayRules.trust(day: today.advanced(by: -ago), today: today, caughtUpDay: caughtUp)
    }
    #expect(trust(11) == .counted)
    #expect(trust(12) == .quarantined(.backfill))
  }

  @Test("today is the person's earliest: in a zone behind, a day is younger for recording and for undoing")
  func earliestZone() throws {
    let early = Int64(today.number) * dayMilliseconds + hour  // 01:00Z: still yesterday five hours west
    var zones = ZoneUses()
    zones.note(LocalTime(occurredAtMilliseconds: early, zone: "x", utcOffsetSeconds: -18_000), now: early)
    func record(_ ago: Int) throws -> CellTrust {
      let day = today.advanced(by: -ago)
      return try RecordingRules.record(
        day: day, note: "", made: made(day), now: early, zones: zones, existing: nil
      ).trust
    }
    #expect(try record(3) == .counted)
    #expect(try record(4) == .quarantined(.backfill))
    let cell = LedgerCell(done: true, note: "", trust: .counted)
    func undo(_ ago: Int) throws -> LedgerCell {
      try RecordingRules.undo(
        day: today.advanced(by: -ago), made: made(today), now: early, zones: zones, existing: cell)
    }
    #expect(try !undo(31).done)
    #expect(throws: EntryRejection.daySealed) { try undo(32) }
  }

  @Test("C57: another day start changes the next day, not what is recorded")
  func dayStartChanges() throws {
    let night = Int64(today.number) * dayMilliseconds + 2 * hour
    func tapped(_ dayStart: Int32) -> LocalTime {
      LocalTime(occurredAtMilliseconds: night, zone: "x", utcOffsetSeconds: 0, dayStartMinutes: dayStart)
    }
    let before = try RecordingRules.record(
      day: today, note: "n", made: tapped(0), now: night, zones: ZoneUses(), existing: nil)
    #expect(before.counts)
    #expect(tapped(240).day == today.advanced(by: -1))
    // A new note on the old day, now with a day start of 04:00, finds it as it was.
    let noteLater = LocalTime(
      occurredAtMilliseconds: night + 4 * hour, zone: "x", utcOffsetSeconds: 0, dayStartMinutes: 240)
    let after = try RecordingRules.record(
      day: today, note: "n", made: noteLater, now: night + 4 * hour, zones: ZoneUses(), existing: before)
    #expect(after == before)
  }

  @Test("a day that is today somewhere on Earth is accepted, the next is FUTURE_DAY")
  func future() throws {
    // Noon UTC is 02:00 of tomorrow at UTC+14.
    let tomorrow = today.advanced(by: 1)
    let kiritimati = LocalTime(occurredAtMilliseconds: noon, zone: "Pacific/Kiritimati", utcOffsetSeconds: 50_400)
    #expect(
      try RecordingRules.record(day: tomorrow, note: "", made: kiritimati, now: noon, zones: ZoneUses(), existing: nil)
        .done)
    #expect(throws: EntryRejection.futureDay) { try record(today.advanced(by: 2)) }
  }

  @Test("five minutes of slack: at the limit accepted, a millisecond past it refused", arguments: [0, 1] as [Int64])
  func slack(past: Int64) {
    let dayAfter = today.advanced(by: 1)
    let begins = Int64(dayAfter.number) * dayMilliseconds - 50_400_000  // at UTC+14
    let now = begins - DayRules.futureSlackMilliseconds - past
    let rejection = DayRules.rejection(day: dayAfter, made: made(dayAfter), now: now)
    #expect(rejection == (past == 0 ? nil : .futureDay))
  }

  @Test("a day that does not follow from its moment is DAY_MISMATCH")
  func mismatch() {
    #expect(throws: EntryRejection.dayMismatch) {
      try RecordingRules.record(
        day: today.advanced(by: -1), note: "", made: made(today), now: noon, zones: ZoneUses(), existing: nil)
    }
  }

  @Test("C74: unknown zone names pass, offsets and days out of range do not")
  func malformed() throws {
    #expect(DayRules.rejection(day: today, made: made(today, zone: "Mars/Base"), now: noon) == nil)
    #expect(DayRules.rejection(day: today, made: made(today, zone: ""), now: noon) == .malformed)
    #expect(DayRules.rejection(day: today, made: made(today, offset: 50_401), now: noon) == .malformed)
    #expect(DayRules.rejection(day: today, made: made(today, offset: -43_201), now: noon) == .malformed)
    #expect(DayRules.rejection(day: today, made: made(today, dayStart: 1_440), now: noon) == .malformed)
    #expect(DayRules.rejection(day: Day(10_956), made: made(Day(10_956)), now: noon) == .malformed)
    #expect(DayRules.rejection(day: Day(10_957), made: made(Day(10_957)), now: noon) == nil)
    #expect(DayRules.rejection(day: Day(.max), made: made(today), now: noon) == .malformed)
  }

  @Test("C66, C68: undo keeps the note; a day older than 30 days is sealed; nothing cannot be undone")
  func undo() throws {
    let cell = LedgerCell(done: true, note: "kept", trust: .counted)
    let undone = try RecordingRules.undo(
      day: today.advanced(by: -30), made: made(today), now: noon, zones: ZoneUses(), existing: cell)
    #expect(undone == LedgerCell(done: false, note: "kept", trust: .counted))
    #expect(throws: EntryRejection.daySealed) {
      try RecordingRules.undo(
        day: today.advanced(by: -31), made: made(today), now: noon, zones: ZoneUses(), existing: cell)
    }
    #expect(throws: EntryRejection.cellNotFound) {
      try RecordingRules.undo(day: today, made: made(today), now: noon, zones: ZoneUses(), existing: nil)
    }
  }

  @Test("C66: undoing and doing again restores what the day was worth, at any age")
  func redo() throws {
    for trust in [CellTrust.counted, .quarantined(.anchor)] {
      let undone = LedgerCell(done: false, note: "", trust: trust)
      #expect(try record(today, existing: undone).trust == trust)
      #expect(try record(today.advanced(by: -20), existing: undone).trust == trust)
    }
  }

  @Test("undoing what is undone changes nothing, also when the day is sealed")
  func undoTwice() throws {
    let undone = LedgerCell(done: false, note: "kept", trust: .counted)
    let again = try RecordingRules.undo(
      day: today.advanced(by: -31), made: made(today), now: noon, zones: ZoneUses(), existing: undone)
    #expect(again == undone)
  }

  @Test("C37, C74: the field that cannot be is named as the schema names it")
  func malformedFields() {
    func field(_ day: Day, _ made: LocalTime) -> String? { DayRules.malformedField(day: day, made: made)?.rawValue }
    #expect(field(Day(.min), made(today)) == "day")
    #expect(field(Day(.max), made(today)) == "day")
    #expect(field(today, made(today, offset: 54_000)) == "made.utc_offset_seconds")
    #expect(field(today, made(today, dayStart: -1)) == "made.day_start_minutes")
    #expect(field(today, made(today, zone: "a\u{7}")) == "made.zone")
    #expect(field(today, made(today, zone: String(repeating: "z", count: 64))) == nil)
    #expect(field(today, made(today, zone: String(repeating: "z", count: 65))) == "made.zone")
  }

  @Test("a later note neither raises nor lowers what a done day is worth")
  func keepsTrust() throws {
    let old = today.advanced(by: -40)
    #expect(try record(old, existing: LedgerCell(done: true, note: "", trust: .counted)).trust == .counted)
    let quarantined = LedgerCell(done: true, note: "", trust: .quarantined(.overLimit))
    #expect(try record(today, existing: quarantined).trust == .quarantined(.overLimit))
  }
}
