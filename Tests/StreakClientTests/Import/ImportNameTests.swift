import StreakClient
import StreakDomain
import Testing

@Suite("Import: tables of one habit without its name")
struct ImportNameTests {
  private static let named = ImportOptions(habitName: "Walk", clock: TestClock())

  @Test(
    "a column that is named after what it holds is no habit: its name is asked",
    arguments: [
      ("date,value\n2024-01-02,1\n2024-01-01,0\n", "2024-01-02"),
      ("Date,Value,Notes\n2024-01-02,1,n\n2024-01-01,0,\n", "2024-01-02"),
      ("date,done\n2024-01-02,yes\n2024-01-01,no\n", "2024-01-02"),
      ("date,count,note\n2024-01-02,3,n\n2024-01-01,2,\n", "2024-01-01 2024-01-02"),
      ("Datum;Wert\n02.01.2024;1,5\n31.01.2024;0\n", "2024-01-02"),
      ("date,done,amount\n2024-01-02,yes,3\n2024-01-01,no,\n", "2024-01-02"),
      ("2024-01-02,x\n2024-01-01,\n2024-01-03,x\n", "2024-01-02 2024-01-03"),
    ])
  func asked(text: String, days: String) throws {
    #expect { try ImportSupport.read(text) } throws: { ($0 as? ImportedHistory.Failure)?.question == .habitName }
    let history = try ImportSupport.read(text, Self.named)
    #expect(history.source == .table)
    #expect(history.habits.map(\.name) == ["Walk"])
    #expect(history.days("Walk") == days)
    #expect(!history.told.contains("the program itself filled in days"))
  }

  @Test("its note and its amount are kept")
  func note() throws {
    let history = try ImportSupport.read("date,done,amount,note\n2024-01-02,yes,3,n\n", Self.named)
    #expect(history.note("Walk", "2024-01-02") == "n (3)")
  }

  @Test("a table with 1 and 0 whose rows end in a comma is no table of Loop's")
  func endsInComma() throws {
    #expect(try ImportSupport.read("Date,Read,\n2024-01-02,1,\n2024-01-01,0,\n").days("Read") == "2024-01-02")
  }

  @Test("a table without a header and with several columns is refused with advice")
  func noHeader() {
    #expect {
      try ImportSupport.read("2024-01-02,x,\n2024-01-01,,x\n")
    } throws: { "\($0)".contains("no header") }
  }
}
