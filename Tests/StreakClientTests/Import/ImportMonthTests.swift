import StreakClient
import StreakDomain
import Testing

@Suite("Import: names of months beside names of weekdays, and names that languages share")
struct ImportMonthTests {
  private static func days(_ dates: String...) throws -> String {
    try read(dates).days("A")
  }

  private static func read(_ dates: [String]) throws -> ImportedHistory {
    try ImportSupport.read("habit;date\n" + dates.map { "A;\($0)\n" }.joined())
  }

  @Test(
    "a weekday is never read as a month",
    arguments: [
      "7 Ocak 2024 Pazar", "7 Ocak 2024 Paz", "Pazar, 7 Ocak 2024", "7 januari 2024 maandag", "maandag 7 januari 2024",
      "7 janvier 2024 mar.", "mar. 7 janv. 2024", "martedì 7 gennaio 2024", "7 enero 2024 martes",
      "martes, enero 7, 2024", "2024 Ocak 7 Pazar", "subota 7 siječnja 2024", "7 Ocak 2024 Pazartesi",
      "maanantai 7 tammikuuta 2024",
    ])
  func weekdays(text: String) throws { #expect(try Self.days(text) == "2024-01-07", "\(text)") }

  @Test(
    "names whose beginnings are equal",
    arguments: [
      ("7 marraskuuta 2024", "2024-11-07"), ("7 maaliskuuta 2024", "2024-03-07"), ("7 lipnja 2024", "2024-06-07"),
      ("7 lipca 2024", "2024-07-07"), ("7 srpnja 2024", "2024-07-07"), ("7 srpna 2024", "2024-08-07"),
      ("7 listopadu 2024", "2024-11-07"), ("7 října 2024", "2024-10-07"), ("7 června 2024", "2024-06-07"),
      ("7 července 2024", "2024-07-07"), ("7 października 2024", "2024-10-07"), ("7 pazdziernika 2024", "2024-10-07"),
      ("7 czerwca 2024", "2024-06-07"), ("7 серпня 2024", "2024-08-07"), ("7 mart 2024", "2024-03-07"),
    ])
  func beginnings(text: String, day: String) throws { #expect(try Self.days(text) == day, "\(text)") }

  @Test("a name that is one month in Croatian and another in Polish and Czech is decided by the file's other names")
  func shared() throws {
    #expect(try Self.days("7 listopada 2024", "7 siječnja 2024") == "2024-01-07 2024-10-07")
    #expect(try Self.days("7 listopada 2024", "7 stycznia 2024") == "2024-01-07 2024-11-07")
    #expect(try Self.days("7 lip 2024", "7 cze 2024") == "2024-06-07 2024-07-07")
    #expect(try Self.days("7 lip 2024", "7 svi 2024") == "2024-05-07 2024-06-07")
    #expect(try Self.days("7 listopada 2024", "31 listopada 2024") == "2024-10-07 2024-10-31", "November has 30 days")
    let open = try Self.read(["7 listopada 2024", "8 Jan 2024"])
    #expect(open.days("A") == "2024-01-08")
    #expect(open.told.contains("A||line 2|7 listopada 2024|the name of its month means October in Croatian"))
  }
}
