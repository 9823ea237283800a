import StreakClient
import StreakDomain
import Testing

@Suite("Import of Loop Habit Tracker: damaged rows and files")
struct ImportLoopFaultTests {
  private static let named = ImportOptions(habitName: "Walk", clock: TestClock())

  @Test(
    "one bad value of a habit's file costs its own row",
    arguments: [
      "Date,Value,Notes\n2024-01-03,YES_MANUAL,n\n2024-01-02,MAYBE,x\n2024-01-01,YES_MANUAL,\n",
      "2024-01-03,2\n2024-01-02,MAYBE\n2024-01-01,2\n", "2024-01-02,MAYBE\n2024-01-03,2\n2024-01-01,2\n",
    ])
  func badValue(text: String) throws {
    let history = try ImportSupport.read(text, Self.named)
    #expect(history.source == .loopCheckmarks)
    #expect(history.habits.map(\.name) == ["Walk"])
    #expect(history.days("Walk") == "2024-01-01 2024-01-03")
    #expect(history.told.contains("|MAYBE"))
    #expect(history.told.contains("this is no value of Loop's"))
  }

  @Test("the table of all habits is never one with the columns Value and Notes")
  func noMatrix() {
    #expect {
      try ImportSupport.read("Date,Value,Notes\n2024-01-03,YES_MANUAL,n\n2024-01-02,MAYBE,\n", name: "Checkmarks.csv")
    } throws: { ($0 as? ImportedHistory.Failure)?.question == .habitName }
  }

  @Test("one number above 3 does not make amounts of a habit's days, and is no day done")
  func oneAmount() throws {
    let matrix = try ImportSupport.read("Date,A,B,\n2024-01-03,2,8000,\n2024-01-02,2,0,\n2024-01-01,400,2000,\n")
    #expect((matrix.days("A"), matrix.days("B")) == ("2024-01-02 2024-01-03", ""))
    #expect(matrix.told.contains("A||line 4|400|this is no value of Loop's"))
    #expect(matrix.told.contains("B|2024-01-03|line 2|8|an amount whose goal"))
    let file = try ImportSupport.read("Date,Value,Notes\n2024-01-02,YES_MANUAL,\n2024-01-01,400,\n", Self.named)
    #expect(file.days("Walk") == "2024-01-02")
  }

  private static let habits = "Position,Name,Type\n001,Read,YES_NO\n002,Run,YES_NO\n"

  private func read(_ files: (String, String)...) throws -> ImportedHistory {
    var zip = TestZip()
    for (name, text) in files { try zip.add(name, text) }
    return try ImportedHistory(reading: zip.bytes, name: "loop.zip", options: ImportSupport.options)
  }

  @Test("one bad value in a folder of the zip file keeps the other days and their notes")
  func badValueInArchive() throws {
    let history = try read(
      ("Habits.csv", Self.habits),
      ("001 Read/Checkmarks.csv", "Date,Value,Notes\n2024-01-03,YES_MANUAL,kept\n2024-01-02,MAYBE,lost?\n"),
      ("002 Run/Checkmarks.csv", "Date,Value,Notes\n2024-01-03,MAYBE,\n"),
      ("Checkmarks.csv", "Date,Read,Run,\n2024-01-03,YES_MANUAL,YES_MANUAL,\n"))
    #expect(history.note("Read", "2024-01-03") == "kept")
    #expect(history.told.contains("Read||001 Read/Checkmarks.csv, line 3|MAYBE, lost?|this is no value of Loop's"))
    #expect(history.days("Run") == "2024-01-03", "from the table of all habits")
    #expect(history.told.contains("Run||002 Run/Checkmarks.csv, line 2|MAYBE|this is no value of Loop's"))
  }

  @Test("a folder and a column without a row in Habits.csv become habits, and are listed")
  func unknownHabits() throws {
    let history = try read(
      ("Habits.csv", Self.habits),
      ("001 Read/Checkmarks.csv", "Date,Value,Notes\n2024-01-03,YES_MANUAL,\n"),
      ("007 Swim/Checkmarks.csv", "Date,Value,Notes\n2024-01-02,YES_MANUAL,cold\n"),
      ("Checkmarks.csv", "Date,Read,Run,Swim,Draw,\n2024-01-03,YES_MANUAL,NO,NO,YES_MANUAL,\n"))
    #expect(history.habits.map(\.name) == ["Read", "Run", "Swim", "Draw"])
    #expect(history.note("Swim", "2024-01-02") == "cold")
    #expect((history.days("Run"), history.days("Draw")) == ("", "2024-01-03"))
    #expect(history.told.contains("Swim||007 Swim/Checkmarks.csv||is missing in Habits.csv"))
    #expect(history.told.contains("Draw||Checkmarks.csv||is missing in Habits.csv"))
  }

  @Test("a cut row of Habits.csv, and a damaged file of the zip file, cost only themselves")
  func damagedFiles() throws {
    var zip = TestZip()
    try zip.add("001 Read/Checkmarks.csv", "Date,Value,Notes\n2024-01-03,YES_MANUAL,\n")
    try zip.add("002 Run/Checkmarks.csv", "Date,Value,Notes\n2024-01-03,YES_MANUAL,\n")
    try zip.add("Habits.csv", "Position,Name,Type,Unit\n001,Read,YES_NO,\n002,Run\n")
    var bytes = zip.bytes
    // A block of no known kind where the file's packed bytes begin.
    let name = try #require(bytes.firstRange(of: Array("002 Run/Checkmarks.csv".utf8)))
    bytes[name.upperBound] = 0x07
    let history = try ImportedHistory(reading: bytes, name: "loop.zip", options: ImportSupport.options)
    #expect(history.days("Read") == "2024-01-03")
    #expect(history.days("Run") == "")
    #expect(history.told.contains("002 Run/Checkmarks.csv cannot be unpacked"))
    #expect(history.told.contains("Run||Habits.csv, line 3||the row is cut: what is missing of it is not known"))
  }

  @Test("a table of all habits that cannot be read is listed, if the folders have days")
  func unreadableMatrix() throws {
    let history = try read(
      ("Habits.csv", Self.habits), ("001 Read/Checkmarks.csv", "Date,Value,Notes\n2024-01-03,YES_MANUAL,\n"),
      ("Checkmarks.csv", "Date,Read,Run,a,b,\n2024-01-03,YES_MANUAL,NO,\n"))
    #expect(history.days("Read") == "2024-01-03")
    #expect(history.told.contains("||Checkmarks.csv||The header of this file has 4 names for 2 habits"))
  }

  @Test("the first row with a damaged date is a row, and its neighbours keep their names")
  func damagedFirstDate() throws {
    let history = try ImportSupport.read(
      "Date,A,B,\nbroken,YES_MANUAL,NO,\n2024-01-02,YES_MANUAL,NO,\n2024-01-01,NO,YES_MANUAL,\n")
    #expect(history.habits.map(\.name) == ["A", "B"])
    #expect((history.days("A"), history.days("B")) == ("2024-01-02", "2024-01-01"))
    #expect(history.told.contains("A||line 2|broken|this is no date"))
    let folded = try ImportSupport.read("Date,Two\nlines,B,\n2024-01-02,YES_MANUAL,NO,\n")
    #expect(folded.habits.map(\.name) == ["Two lines", "B"])
  }
}
