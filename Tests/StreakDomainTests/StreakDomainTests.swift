@testable import StreakDomain
import Testing

/// 2026-11-23T12:00:00Z.
let noon: Int64 = 1_795_435_200_000
let today = Day(20_780)
let hour: Int64 = 3_600_000
let dayMilliseconds: Int64 = 86_400_000

/// A completion made at noon UTC of a day.
func made(_ day: Day, offset: Int32 = 0, dayStart: Int32 = 0, zone: String = "Etc/UTC") -> LocalTime {
  LocalTime(
    occurredAtMilliseconds: Int64(day.number) * dayMilliseconds + 12 * hour, zone: zone, utcOffsetSeconds: offset,
    dayStartMinutes: dayStart)
}

/// A small generator with a seed, so that a failing case can be replayed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

@Suite("Day")
struct DayTests {
  @Test("known dates have their numbers, both ways")
  func knownDates() {
    #expect(Day(0).description == "1970-01-01")
    #expect(Day.earliest.description == "2000-01-01")
    #expect(Day.latest.description == "9999-12-31")
    #expect(today.description == "2026-11-23")
    #expect(today.weekday == 1)  // a Monday
    #expect(Day(year: 2024, month: 2, day: 29)?.advanced(by: 1).description == "2024-03-01")
    #expect(Day(year: 2023, month: 2, day: 29) == nil)
    #expect(Day(year: 2026, month: 13, day: 1) == nil)
  }

  @Test("every day of 800 years has the civil date of a calendar that counts", arguments: [1_600, 2_000])
  func calendarModel(century: Int) throws {
    var expected = try #require(Day(year: century, month: 1, day: 1))
    for year in century..<century + 400 {
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      for (month, length) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
        for day in 1...length {
          try #require(expected.civil == (year, month + 1, day))
          try #require(Day(year: year, month: month + 1, day: day) == expected)
          expected = expected.advanced(by: 1)
        }
      }
    }
  }

  @Test("arithmetic at the ends of the range does not trap")
  func extremes() {
    #expect(Day(.max).advanced(by: .max) == Day(.max))
    #expect(Day(.min).advanced(by: .min) == Day(.min))
    #expect(Day(.min).distance(to: Day(.max)) == Int(UInt32.max))
    _ = Day(.min).civil
    let far = LocalTime(occurredAtMilliseconds: .max, zone: "x", utcOffsetSeconds: 50_400)
    #expect(far.day == Day(.max))
    #expect(LocalTime(occurredAtMilliseconds: .min, zone: "x", utcOffsetSeconds: -43_200).day == Day(.min))
  }
}

@Suite("LocalTime")
struct LocalTimeTests {
  @Test("C49: offsets of 30 and 45 minutes give the right day", arguments: [19_800, 20_700, 49_500] as [Int32])
  func oddOffsets(offset: Int32) {
    // One millisecond before and at local midnight.
    let midnight = Int64(today.number) * dayMilliseconds - Int64(offset) * 1_000
    let before = LocalTime(occurredAtMilliseconds: midnight - 1, zone: "x", utcOffsetSeconds: offset)
    let at = LocalTime(occurredAtMilliseconds: midnight, zone: "x", utcOffsetSeconds: offset)
    #expect(before.day == today.advanced(by: -1))
    #expect(at.day == today)
  }

  @Test("C56: with a day start of 04:00, 03:59 is still the day before and 04:00 is the day")
  func dayStart() {
    let midnight = Int64(today.number) * dayMilliseconds
    func at(_ minutes: Int64) -> Day {
      LocalTime(
        occurredAtMilliseconds: midnight + minutes * 60_000, zone: "x", utcOffsetSeconds: 0, dayStartMinutes: 240
      ).day
    }
    #expect(at(239) == today.advanced(by: -1))
    #expect(at(240) == today)
  }

  @Test("C47, C48: daily at 23:30 over both clock changes of Berlin leaves no gap and no double day")
  func clockChanges() {
    // 2026-03-28...30 (offset 1 h, then 2 h) and 2026-10-24...26 (2 h, then 1 h).
    for (first, offsets) in [("2026-03-28", [3_600, 7_200, 7_200]), ("2026-10-24", [7_200, 3_600, 3_600])] {
      let parts = first.split(separator: "-").compactMap { Int($0) }
      let start = Day(year: parts[0], month: parts[1], day: parts[2]) ?? today
      for (index, offset) in offsets.enumerated() {
        let local = (Int64(start.number) + Int64(index)) * dayMilliseconds + 23 * hour + hour / 2
        let time = LocalTime(
          occurredAtMilliseconds: local - Int64(offset) * 1_000, zone: "Europe/Berlin", utcOffsetSeconds: Int32(offset))
        #expect(time.day == start.advanced(by: index))
      }
    }
  }
}

@Suite("ZoneUses")
struct ZoneUsesTests {
  @Test("C51: today is the earliest date among the zones of the last 48 hours")
  func earliestZone() {
    var uses = ZoneUses()
    let morning = Int64(today.number) * dayMilliseconds + 2 * hour  // 02:00Z: still yesterday in Los Angeles
    uses.note(made(today, offset: 32_400), now: morning - hour)
    #expect(uses.today(now: morning) == today)
    uses.note(made(today, offset: -28_800), now: morning)
    #expect(uses.today(now: morning) == today.advanced(by: -1))
    uses.note(made(today, offset: 32_400), now: morning + ZoneUses.windowMilliseconds + 1)
    #expect(uses.encoded.count == 16)  // Los Angeles has left the window
  }

  @Test("a zone at the edge of the window takes part, one past it does not")
  func windowEdge() {
    var uses = ZoneUses()
    uses.note(made(today, offset: -43_200), now: 0)
    uses.note(made(today, offset: 50_400), now: ZoneUses.windowMilliseconds)
    #expect(uses.today(now: ZoneUses.windowMilliseconds) == Day(1))
    #expect(uses.today(now: ZoneUses.windowMilliseconds + 1) == Day(2))
  }

  @Test("at most 16 zones are kept, and they survive storage")
  func storage() {
    var uses = ZoneUses()
    for index in 0..<20 { uses.note(made(today, offset: Int32(index) * 900), now: noon + Int64(index)) }
    #expect(uses.encoded.count == 16 * 16)
    #expect(ZoneUses(encoded: uses.encoded) == uses)
    #expect(ZoneUses(encoded: [1, 2, 3]) == ZoneUses())
    #expect(ZoneUses(encoded: [UInt8](repeating: 0xFF, count: 32)) == ZoneUses())
  }
}

@Suite("Recording rules")
struct RecordingRulesTests {
  private func record(_ day: Day, existing: LedgerCell? = nil) throws(EntryRejection) -> LedgerCell {
    try RecordingRules.record(day: day, note: "n", made: made(day), now: noon, existing: existing)
  }

  @Test("C65: 30 days late counts, 31 days late is kept as TOO_OLD")
  func late() throws {
    #expect(try record(today.advanced(by: -30)).trust == .counted)
    #expect(try record(today.advanced(by: -31)).trust == .quarantined(.tooOld))
  }

  @Test("a day that is today somewhere on Earth is accepted, the next is FUTURE_DAY")
  func future() throws {
    // Noon UTC is 02:00 of tomorrow at UTC+14.
    let tomorrow = today.advanced(by: 1)
    let kiritimati = LocalTime(occurredAtMilliseconds: noon, zone: "Pacific/Kiritimati", utcOffsetSeconds: 50_400)
    #expect(try RecordingRules.record(day: tomorrow, note: "", made: kiritimati, now: noon, existing: nil).done)
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
      try RecordingRules.record(day: today.advanced(by: -1), note: "", made: made(today), now: noon, existing: nil)
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
      day: today.advanced(by: -30), made: made(today), now: noon, existing: cell)
    #expect(undone == LedgerCell(done: false, note: "kept", trust: .counted))
    #expect(throws: EntryRejection.daySealed) {
      try RecordingRules.undo(day: today.advanced(by: -31), made: made(today), now: noon, existing: cell)
    }
    #expect(throws: EntryRejection.cellNotFound) {
      try RecordingRules.undo(day: today, made: made(today), now: noon, existing: nil)
    }
  }

  @Test("a later note neither raises nor lowers what a done day is worth")
  func keepsTrust() throws {
    let old = today.advanced(by: -40)
    #expect(try record(old, existing: LedgerCell(done: true, note: "", trust: .counted)).trust == .counted)
    let quarantined = LedgerCell(done: true, note: "", trust: .quarantined(.overLimit))
    #expect(try record(today, existing: quarantined).trust == .quarantined(.overLimit))
  }
}

@Suite("StreakSummary")
struct StreakSummaryTests {
  /// The definition, word by word: slow and obvious.
  private func model(_ days: Set<Int32>, today: Int32) -> (current: Int, longest: Int) {
    func run(endingAt end: Int32) -> Int {
      var length: Int32 = 0
      while days.contains(end - length) { length += 1 }
      return Int(length)
    }
    let current = days.contains(today) ? run(endingAt: today) : run(endingAt: today - 1)
    return (current, days.map(run).max() ?? 0)
  }

  @Test("random ledgers have the streaks of the definition", arguments: UInt64(0)..<64)
  func againstModel(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<50 {
      let count = Int.random(in: 0...40, using: &generator)
      let days = Set((0..<count).map { _ in Int32.random(in: 20_000...20_050, using: &generator) })
      let summary = StreakSummary(countedDays: days.map { Day($0) }.shuffled(using: &generator))
      let today = (days.max() ?? 20_000) + Int32.random(in: 0...3, using: &generator)
      let streak = summary.streak(today: Day(today))
      let expected = model(days, today: today)
      #expect(streak.current == expected.current, "seed \(seed)")
      #expect(streak.longest == expected.longest, "seed \(seed)")
      #expect(streak.total == days.count, "seed \(seed)")
      #expect(streak.lastDay?.number == days.max(), "seed \(seed)")
    }
  }

  @Test("C61: only today 1, only yesterday 1 at risk, only two days ago 0 with longest 1")
  func single() {
    func streak(_ ago: Int) -> Streak { StreakSummary(countedDays: [today.advanced(by: -ago)]).streak(today: today) }
    #expect(streak(0) == Streak(state: .doneToday, current: 1, longest: 1, total: 1, lastDay: today))
    #expect(streak(1).state == .atRisk)
    #expect(streak(1).current == 1)
    #expect(streak(2).state == .broken)
    #expect(streak(2).current == 0)
    #expect(streak(2).longest == 1)
    #expect(StreakSummary(countedDays: []).streak(today: today).state == .none)
  }

  @Test("C59, C60: a run over the turn of the year and past 366 days is exact")
  func long() {
    let days = (0..<800).map { today.advanced(by: -$0) }
    #expect(StreakSummary(countedDays: days).streak(today: today).current == 800)
  }

  @Test("C73: an archived habit is not at risk and keeps its streak readable")
  func archived() {
    let streak = StreakSummary(countedDays: [today.advanced(by: -1)]).streak(today: today, isArchived: true)
    #expect(streak.state != .atRisk)
    #expect(streak.current == 1)
  }
}

@Suite("Statistics")
struct StatisticsTests {
  @Test("counted, quarantined and undone cells are told apart; weekdays and months add up")
  func sums() {
    let statistics = Statistics([
      (today, LedgerCell(done: true, note: "", trust: .counted)),
      (today.advanced(by: 1), LedgerCell(done: true, note: "", trust: .counted)),
      (today.advanced(by: 8), LedgerCell(done: true, note: "", trust: .counted)),
      (today.advanced(by: 3), LedgerCell(done: true, note: "", trust: .quarantined(.tooOld))),
      (today.advanced(by: 4), LedgerCell(done: false, note: "", trust: .counted)),
    ])
    #expect(statistics.counted == 3)
    #expect(statistics.quarantined == 1)
    #expect(statistics.undone == 1)
    #expect(statistics.activeDays == 3)
    #expect(statistics.longestRun == 2)
    #expect(statistics.countedByWeekday == [1, 2, 0, 0, 0, 0, 0])
    #expect(
      statistics.countedByMonth == [
        Statistics.Month(year: 2026, month: 11, counted: 2), Statistics.Month(year: 2026, month: 12, counted: 1),
      ])
  }
}

@Suite("HabitName")
struct HabitNameTests {
  @Test("C28: case, white space and composed letters do not distinguish names; other words do")
  func normalised() {
    #expect(HabitName.normalised("  Café \t Noir ") == HabitName.normalised("cafe\u{301} noir"))
    #expect(HabitName.normalised("Run") != HabitName.normalised("Runs"))
  }

  @Test("a name has visible text, no control characters, and at most 256 bytes")
  func valid() {
    #expect(HabitName.isValid(String(repeating: "a", count: 256)))
    #expect(!HabitName.isValid(String(repeating: "a", count: 257)))
    #expect(!HabitName.isValid(" \u{2003}"))
    #expect(!HabitName.isValid("a\u{7}b"))
    #expect(HabitName.isValid("走る 🏃"))
  }
}
