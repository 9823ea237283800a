@testable import StreakClient
import StreakDomain
import Testing

@Suite("Import: years of two digits first, and dates with full stops")
struct ImportDateOrderTests {
  private static func decide(_ texts: String...) -> DateOrder? {
    DateOrder.decide(texts.compactMap { DateText($0) }, today: Day(year: 2026, month: 11, day: 24) ?? Day(0))
  }

  private static func list(_ dates: String...) -> String { "habit,date\n" + dates.map { "A,\($0)\n" }.joined() }

  private static func days(_ text: String, _ order: DateOrder? = nil) throws -> String {
    try ImportSupport.read(text, ImportOptions(dateOrder: order, clock: TestClock())).days("A")
  }

  @Test("a date that is a past day with the day first and with the year first is no vote")
  func yearFirst() throws {
    #expect(Self.decide("24/01/05", "24/01/06") == nil)
    #expect(Self.decide("24/01/05", "24/01/31") == .yearFirst)
    #expect(try Self.days(Self.list("24/01/05", "24/01/30", "24/01/31")) == "2024-01-05 2024-01-30 2024-01-31")
    #expect(Self.decide("05/01/24", "31/01/24") == .dayFirst)
    #expect(Self.decide("05/01/24", "01/31/24") == .monthFirst)
    #expect(Self.decide("5/1/24", "6/1/24") == nil, "a year has two digits, and the month may be first")
    #expect(Self.decide("25/1/24", "26/1/24") == nil, "2025 and 2026, or the 25th and 26th")
    // Each alone is open, and one order makes both a past day.
    #expect(Self.decide("24/01/05", "05/01/2024") == .dayFirst)
    // No order makes both a past day.
    #expect(Self.decide("24/01/05", "05/13/24") == nil)
  }

  @Test("a day that does not exist is no vote for another order")
  func noSuchDay() throws {
    let text = Self.list("01.02.24", "02.02.24", "30.02.24")
    #expect(try Self.days(text) == "2024-02-01 2024-02-02")
    #expect(try ImportSupport.read(text).told.contains("A||line 4|30.02.24|there is no such day"))
    #expect(try Self.days(Self.list("24/01/31", "24/02/30")) == "2024-01-31")
  }

  @Test("the question shows what the date is in each order, and offers the orders that are possible")
  func question() throws {
    #expect {
      try Self.days(Self.list("24/01/05"))
    } throws: { error in
      let message = (error as? ImportedHistory.Failure)?.message ?? ""
      return message.contains("24/01/05 (line 2)") && message.contains("2024-01-05 if the year comes first")
        && message.contains("2005-01-24 if the day comes first")
    }
    #expect(try Self.days(Self.list("24/01/05"), .yearFirst) == "2024-01-05")
    #expect(try Self.days(Self.list("24/01/05"), .dayFirst) == "2005-01-24")
  }

  @Test("dates with full stops are decided by the whole file; where nothing decides, the day comes first")
  func points() throws {
    #expect(try Self.days(Self.list("01.02.2024", "03.04.2024")) == "2024-02-01 2024-04-03")
    #expect(
      try ImportSupport.read(Self.list("01.02.2024")).told.contains("the day was taken to come first"),
      "an assumption is listed")
    #expect(try ImportSupport.read(Self.list("01.02.2024", "31.01.2024")).remarks.isEmpty)
    #expect(try Self.days(Self.list("01.02.2024", "01.31.2024")) == "2024-01-02 2024-01-31")
    #expect(try Self.days(Self.list("01.02.2024"), .monthFirst) == "2024-01-02")
    #expect(try Self.days(Self.list("31.1.2024", "31.01.24", "31.1.2024 8.05")) == "2024-01-31")
  }

  @Test("beside a named month the year may be first too")
  func named() throws {
    #expect(try Self.days(Self.list("24-Jan-05", "24-Jan-31")) == "2024-01-05 2024-01-31")
    #expect(try Self.days(Self.list("05-Jan-24", "31-Jan-24")) == "2024-01-05 2024-01-31")
    let open = try ImportSupport.read(Self.list("05-Jan-24"))
    #expect(open.days("A") == "2024-01-05")
    #expect(open.told.contains("the day was taken to come first"))
    #expect(try Self.days(Self.list("24-Jan-05"), .yearFirst) == "2024-01-05")
    #expect(try Self.days(Self.list("24-Jan-05"), .monthFirst) == "2005-01-24")
  }

  @Test("Korean short dates end with a full stop: the year comes first, or the person is asked")
  func korean() throws {
    #expect(try Self.days(Self.list("24. 01. 05.", "24. 01. 31.")) == "2024-01-05 2024-01-31")
    #expect(try Self.days(Self.list("24. 1. 5.", "24. 12. 31.")) == "2024-01-05 2024-12-31")
    #expect { try Self.days(Self.list("24. 01. 05.")) } throws: { "\($0)".contains("is not certain") }
    #expect(try Self.days(Self.list("24. 01. 05."), .yearFirst) == "2024-01-05")
  }
}
