@testable import StreakClient
import StreakDomain
import Testing

@Suite("Import: dates of any locale")
struct ImportDateTests {
  @Test(
    "unambiguous dates",
    arguments: [
      "2024-01-31", "2024/1/31", "2024.01.31", "2024. 1. 31.", "20240131", "2024年1月31日", "24年1月31日",
      "31 January 2024", "January 31, 2024", "31-Jan-24", "Wed, 31 Jan 2024", "mié 31 ene 2024", "31. Januar 2024",
      "31 janv. 2024", "31 января 2024 г.", "31 Ocak 2024", "mar 31 gennaio 2024",
      "٢٠٢٤-٠١-٣١",
      "2024-01-31 08:05", "2024-01-31T08:05:30.123", "Jan 31, 2024 8:05 PM",
      "2024-01-31T23:30:00+02:00",
      "\u{200E}2024-01-31\u{200E}",
    ])
  func certain(text: String) {
    #expect(DateText(text)?.day(.dayFirst) == Day(year: 2024, month: 1, day: 31), "\(text)")
    #expect(DateText(text)?.day(.monthFirst) == Day(year: 2024, month: 1, day: 31), "\(text)")
  }

  @Test(
    "texts that are not dates",
    arguments: ["", "x", "yesterday", "12", "1.5", "2024", "January", "1/2", "1,2,3,4", "123-45-6789"])
  func noDate(text: String) { #expect(DateText(text) == nil) }

  @Test(
    "times beside dates",
    arguments: [
      ("2024-01-31 00:00:00", ""), ("31/01/2024 08:05", "08:05"), ("1/31/2024 12:00:00 AM", ""),
      ("1/31/2024 8:05 p.m.", "20:05"), ("08:05 31.01.2024", "08:05"), ("2024-01-31T08:05:00Z", "08:05"),
    ])
  func times(text: String, time: String) { #expect(DateText(text)?.time == time) }

  @Test(
    "a time with a full stop or an h is kept",
    arguments: [
      ("5.1.2025 8.30", "08:30"), ("2025-01-05 08.30", "08:30"), ("2025-01-05 8h30", "08:30"),
      ("5/1/2025 8.30 PM", "20:30"), ("2025-01-05 00.00", ""), ("2025.01.05. 23.59", "23:59"),
    ])
  func timesWithStop(text: String, note: String) throws {
    let history = try ImportSupport.read("habit;date\nRead;\(text)\nRead;13.1.2025\n")
    #expect(history.note("Read", "2025-01-05") == note)
    #expect(history.remarks.isEmpty, "\(history.told)")
  }

  @Test(
    "an invalid time beside a date is listed",
    arguments: ["5.1.2025 24.30", "2025-01-05 08.60", "2025-01-05 8-30", "2025-01-05 24:00", "5.1.2025 8.3"])
  func invalidTimes(text: String) throws {
    let history = try ImportSupport.read("habit;date\nRead;\(text)\nRead;13.1.2025\n")
    #expect(history.days("Read") == "2025-01-05 2025-01-13")
    #expect(history.told == "Read||line 2|\(text)|its time of day is not kept")
  }

  @Test("a column's time with a full stop is kept, and the days of a range are no time")
  func stopsElsewhere() throws {
    let history = try ImportSupport.read("habit,date,time\nRead,2025-01-05,8.30\n")
    #expect(history.note("Read", "2025-01-05") == "08:30")
    for text in ["5.1.25-6.10.25", "5.1.2025-6.10.2025"] { #expect(DateText(text) == nil, "\(text)") }
  }

  private static func decide(_ texts: String...) -> DateOrder? {
    DateOrder.decide(texts.compactMap { DateText($0) }, today: Day(year: 2026, month: 11, day: 24) ?? Day(0))
  }

  @Test("the whole file decides the order of day and month")
  func order() {
    #expect(Self.decide("31/12/2024", "01/02/2025") == .dayFirst)
    #expect(Self.decide("01/02/2025", "12/31/2024") == .monthFirst)
    #expect(Self.decide("2/9/2020", "2/30/2020") == .monthFirst, "30 is no month, though there is no such day")
    #expect(Self.decide("01/12/2026", "01/11/2026") == .monthFirst, "1 December is in the future")
    #expect(Self.decide("1-31-24", "2-1-24") == .monthFirst)
    #expect(Self.decide("24-01-31") == .yearFirst)
    #expect(Self.decide("1/1/2024", "2/2/2024") != nil, "each order gives the same days")
    #expect(Self.decide("2024-01-02", "31.12.2024") != nil)
  }

  @Test("if no date decides, the person is asked, and a few wrong dates do not outvote the others")
  func undecided() {
    #expect(Self.decide("01/02/2025", "03/04/2025") == nil)
    #expect(Self.decide("31/12/2024", "12/31/2024", "01/02/2025") == nil)
    #expect(Self.decide("31/12/2024", "30/12/2024", "29/12/2024", "28/12/2024", "12/31/2024") == .dayFirst)
  }

  @Test("an answer is used, and without one the question shows a date of the file")
  func asked() throws {
    let text = "habit,date\nRead,01/02/2025\nRead,03/04/2025\n"
    #expect {
      try ImportSupport.read(text)
    } throws: { error in
      let failure = error as? ImportedHistory.Failure
      return failure?.question == .dateOrder([.dayFirst, .monthFirst])
        && failure?.message.contains("01/02/2025 (line 2)") == true
    }
    func days(_ order: DateOrder) throws -> String {
      try ImportSupport.read(text, ImportOptions(dateOrder: order, clock: TestClock())).days("Read")
    }
    #expect(try days(.dayFirst) == "2025-02-01 2025-04-03")
    #expect(try days(.monthFirst) == "2025-01-02 2025-03-04")
    #expect {
      try ImportSupport.read("habit,date\nRead,31/12/2024\nRead,12/30/2024\n")
    } throws: { "\($0)".contains("in 31/12/2024 (line 2) the day must come first, in 12/30/2024 (line 3) the month") }
  }

  @Test("an invalid date is reported with its line, and the other rows are imported")
  func badDates() throws {
    let history = try ImportSupport.read("habit,date\nA,13/01/2025\nA,01/13/2025x\nA,\nA,30/02/2025\nA,14/01/2025\n")
    #expect(history.days("A") == "2025-01-13 2025-01-14")
    #expect(history.told.contains("A||line 3|01/13/2025x|"))
    #expect(history.told.contains("A||line 4||the row has no date"))
    #expect(history.told.contains("A||line 5|30/02/2025|there is no such day"))
  }

  @Test(
    "a moment in UTC becomes a day of the person's zone; midnight in UTC is a date alone"
  )
  func moments() throws {
    let clock = TestClock()
    clock.travel(utcOffsetSeconds: 7_200)
    let history = try ImportSupport.read(
      """
      habit,date
      A,2024-01-30T23:30:00Z
      B,2024-01-31T00:00:00Z
      C,2024-01-31T23:30:00-05:00
      D,1706655600000
      """, ImportOptions(clock: clock))
    for name in ["A", "B", "C", "D"] { #expect(history.days(name) == "2024-01-31", "\(name)") }
  }
}
