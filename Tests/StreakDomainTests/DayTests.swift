import Glibc
import SplitMix

@testable import StreakDomain
import TestSupport
import Testing

/// 2026-11-23T12:00:00Z.
let noon = Instant(milliseconds: 1_795_435_200_000)
let today = Day(20_780)
let hour: Int64 = 3_600_000
let dayMilliseconds: Int64 = 86_400_000

/// A completion made at noon UTC of a day.
func clientTime(_ day: Day, offset: Int32 = 0, dayStart: Int32 = 0, zone: String = "Etc/UTC") -> ClientTime {
  ClientTime(
    occurredAt: Instant(milliseconds: Int64(day.number) * dayMilliseconds + 12 * hour), zone: zone,
    utcOffsetSeconds: offset,
    dayStartMinutes: dayStart)
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

  @Test("every day of 800 years has the civil date of a counting calendar", arguments: [1_600, 2_000])
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

  @Test("a day's text is parsed back to it, and no other text is a date", arguments: seeds(16))
  func isoRoundTrip(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    for _ in 0..<100 {
      let day = Day(Int32.random(in: -719_162...Day.latest.number, using: &generator))
      #expect(Day(iso: day.description) == day, "seed \(seed)")
    }
  }

  @Test(
    "other spellings of a date are refused",
    arguments: [
      "", "2026-11-2", "2026-11-231", "2026/11/23", "+026-11-23", "2026-1１-23", "2026-02-29", "0000-01-01", "26-11-23 ",
    ])
  func isoRefused(text: String) {
    #expect(Day(iso: text) == nil)
  }

  @Test("years before 0 and after 9999 are written with a sign or more digits")
  func farYears() {
    #expect(Day(-719_529).description == "-0001-12-31")
    #expect(Day(-719_528).description == "0000-01-01")
    #expect(Day.latest.advanced(by: 1).description == "10000-01-01")
    #expect(Day(.min).description == "-5877641-06-23")
    #expect(Day(.max).description == "5881580-07-11")
  }

  @Test("arithmetic at the ends of the range does not trap")
  func extremes() {
    #expect(Day(.max).advanced(by: .max) == Day(.max))
    #expect(Day(.min).advanced(by: .min) == Day(.min))
    #expect(Day(.min).distance(to: Day(.max)) == Int(UInt32.max))
    _ = Day(.min).civil
    let far = ClientTime(occurredAt: .max, zone: "x", utcOffsetSeconds: 50_400)
    #expect(far.day == Day(106_751_991))
    #expect(ClientTime(occurredAt: .min, zone: "x", utcOffsetSeconds: -43_200).day == Day(-106_751_992))
  }
}

@Suite("ClientTime")
struct ClientTimeTests {
  @Test("C49: offsets of 30 and 45 minutes give the right day", arguments: [19_800, 20_700, 49_500] as [Int32])
  func oddOffsets(offset: Int32) {
    // One millisecond before and at local midnight.
    let midnight = Instant(milliseconds: Int64(today.number) * dayMilliseconds - Int64(offset) * 1_000)
    let before = ClientTime(occurredAt: midnight - 1, zone: "x", utcOffsetSeconds: offset)
    let at = ClientTime(occurredAt: midnight, zone: "x", utcOffsetSeconds: offset)
    #expect(before.day == today.advanced(by: -1))
    #expect(at.day == today)
  }

  @Test("C56: with a day start of 04:00, 03:59 is still the day before and 04:00 is the day")
  func dayStart() {
    let midnight = Instant(milliseconds: Int64(today.number) * dayMilliseconds)
    func at(_ minutes: Int64) -> Day {
      ClientTime(
        occurredAt: midnight + minutes * 60_000, zone: "x", utcOffsetSeconds: 0, dayStartMinutes: 240
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
        let time = ClientTime(
          occurredAt: Instant(milliseconds: local - Int64(offset) * 1_000), zone: "Europe/Berlin",
          utcOffsetSeconds: Int32(offset))
        #expect(time.day == start.advanced(by: index))
      }
    }
  }
}
