import Gzip
import SQLite
import StreakClient
import StreakDomain
import Testing

/// Makes zip files in the way of other programs.
struct TestZip {
  private var body: [UInt8] = []
  private var list: [UInt8] = []
  private var count = 0

  private static func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  mutating func add(_ name: String, _ text: String, isPacked: Bool = true) throws {
    let contents = Array(text.utf8)
    var member: [UInt8] = []
    try Gzip.compress(contents.span.bytes, appendingTo: &member)
    // A gzip member is a header of 10 bytes, the packed bytes, the checksum and the size.
    let packed = isPacked ? Array(member[10..<(member.count - 8)]) : contents
    let checksum = Array(member[(member.count - 8)..<(member.count - 4)])
    let common =
      Self.little(20, 2) + Self.little(0, 2) + Self.little(isPacked ? 8 : 0, 2) + Self.little(0, 4) + checksum
      + Self.little(packed.count, 4) + Self.little(contents.count, 4) + Self.little(name.utf8.count, 2)
      + Self.little(0, 2)
    list +=
      Self.little(0x0201_4B50, 4) + Self.little(20, 2) + common + Self.little(0, 2 + 2 + 2 + 4)
      + Self.little(body.count, 4) + Array(name.utf8)
    body += Self.little(0x0403_4B50, 4) + common + Array(name.utf8) + packed
    count += 1
  }

  var bytes: [UInt8] {
    body + list + Self.little(0x0605_4B50, 4) + Self.little(0, 4) + Self.little(count, 2) + Self.little(count, 2)
      + Self.little(list.count, 4) + Self.little(body.count, 4) + Self.little(0, 2)
  }
}

@Suite("Import of Loop Habit Tracker")
struct ImportLoopTests {
  @Test("only days that the person checked are imported; remarks list skipped days and days filled in by Loop")
  func words() throws {
    let history = try ImportSupport.read(
      "Date,A,B,\n2024-01-02,YES_MANUAL,YES_AUTO,\n2024-01-01,2,UNKNOWN,\n2023-12-31,SKIP,NO,\n")
    #expect(history.source == .loopCheckmarks)
    #expect(history.days("A") == "2024-01-01 2024-01-02")
    #expect(history.days("B") == "")
    #expect(history.told.contains("A|2023-12-31|line 4||a skipped day is not kept"))
    #expect(history.told.contains("B|||1 from 2024-01-02 to 2024-01-02|the program itself filled in days"))
  }

  @Test("numbers of old versions: 1 means filled in by Loop, unlike in other programs' tables")
  func numbers() throws {
    let loop = try ImportSupport.read("Date,A,B,\n2024-01-02,2,1,\n2024-01-01,0,-1,\n")
    #expect((loop.days("A"), loop.days("B")) == ("2024-01-02", ""))
    let other = try ImportSupport.read("Date,A,B\n2024-01-02,2,1\n2024-01-01,0,0\n")
    #expect((other.days("A"), other.days("B")) == ("2024-01-02", "2024-01-02"))
  }

  @Test("amounts without a goal in the file make no day done, and the remark names the file with the goal")
  func amountsWithoutGoal() throws {
    let history = try ImportSupport.read("Date,Cigarettes,Run,\n2024-01-02,7000,YES_MANUAL,\n2024-01-01,UNKNOWN,NO,\n")
    #expect(history.days("Cigarettes") == "")
    #expect(history.days("Run") == "2024-01-02")
    #expect(history.told.contains("Cigarettes|2024-01-02|line 2|7|an amount whose goal this file does not state"))
  }

  @Test("a header with ambiguous commas is refused, and the message names the file to use")
  func commas() {
    #expect {
      try ImportSupport.read("Date,a,b,c,\n2024-01-01,YES_MANUAL,NO,\n")
    } throws: { "\($0)".contains("3 names for 2 habits") && "\($0)".contains("zip") }
  }

  @Test("a cut row is reported and its values are read; invalid values are reported")
  func cutRows() throws {
    let history = try ImportSupport.read(
      "Date,A,B,\n2024-01-03,YES_MANUAL,YES_MANUAL,\n2024-01-02,YES_MANUAL,MAYBE,\n2024-01-01,YES_MANUAL")
    #expect(history.days("A") == "2024-01-01 2024-01-02 2024-01-03")
    #expect(history.days("B") == "2024-01-03")
    #expect(history.told.contains("|line 4||the row is cut: it has 1 of 2 values"))
    #expect(history.told.contains("B||line 3|MAYBE|this is no value of Loop's"))
  }

  @Test("a note with a comma in Entry(...)")
  func entryNotes() throws {
    let history = try ImportSupport.read(
      "Date,A,B,\n2024-01-02,Entry(timestamp=2024-01-02, value=2, notes=long, cold),Entry(timestamp=2024-01-02, value=2, notes=),\n"
    )
    #expect(history.note("A", "2024-01-02") == "long, cold")
    #expect(history.note("B", "2024-01-02") == "")
  }

  private static let habits = """
    Position,Name,Type,Question,Description,FrequencyNumerator,FrequencyDenominator,Color,Unit,Target Type,Target Value,Archived?
    001,"Up early, and out",YES_NO,Did you?,why,1,1,#FF8F00,,,,false
    002,Water,NUMERICAL,,,1,1,#00897B,glasses,AT_LEAST,8.0,false
    003,Smoke,NUMERICAL,,,1,1,#00897B,pcs,AT_MOST,2.0,true
    004,Gym,YES_NO,,,3,7,#00897B,,,,false

    """

  @Test(
    "the zip file: names, goals and units of Habits.csv, days and notes of the folders, and columns where there is no folder",
    arguments: ["", "Loop Habits CSV 2024-01-03/"])
  func archive(root: String) throws {
    var zip = TestZip()
    try zip.add("\(root)Habits.csv", Self.habits)
    try zip.add(
      "\(root)001 Up early and out/Checkmarks.csv",
      "Date,Value,Notes\n2024-01-02,YES_MANUAL,\"cold, dark\"\n2024-01-01,SKIP,ill\n")
    try zip.add(
      "\(root)002 Water/Checkmarks.csv", "Date,Value,Notes\n2024-01-02,8000,\n2024-01-01,4500,\n", isPacked: false)
    try zip.add("\(root)003 Smoke/Checkmarks.csv", "Date,Value,Notes\n2024-01-02,3000,\n2024-01-01,0,\n")
    try zip.add("\(root)001 Up early and out/Scores.csv", "Date,Score\n2024-01-02,0.5\n")
    try zip.add("__MACOSX/\(root)._Checkmarks.csv", "rubble")
    try zip.add(
      "\(root)Checkmarks.csv",
      "Date,Up early, and out,Water,Smoke,Gym,\n2024-01-02,YES_MANUAL,8000,3000,YES_MANUAL,\n2024-01-01,SKIP,4500,0,NO,\n"
    )
    let history = try ImportedHistory(reading: zip.bytes, name: "loop.zip", options: ImportSupport.options)
    #expect(history.source == .loopArchive)
    #expect(history.habits.map(\.name) == ["Up early, and out", "Water", "Smoke", "Gym"])
    #expect(history.habits[0].description == "Did you?\n\nwhy")
    #expect(history.habits[0].color == 0xFF8F00)
    #expect(history.habits[2].archived)
    #expect(history.note("Up early, and out", "2024-01-02") == "cold, dark")
    #expect(history.note("Water", "2024-01-02") == "8 glasses")
    #expect(history.days("Water") == "2024-01-02")
    #expect(history.days("Smoke") == "2024-01-01")
    #expect(history.days("Gym") == "2024-01-02")
    for line in [
      "Up early, and out|2024-01-01|\(root)001 Up early and out/Checkmarks.csv, line 3|ill|a skipped day is not kept",
      "Water|2024-01-01|\(root)002 Water/Checkmarks.csv, line 3|4.5 glasses|less than the goal of 8 glasses",
      "Gym||||is to be done 3 times a week there",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test("a zip file without Habits.csv, and one with folders only")
  func partialArchives() throws {
    var matrix = TestZip()
    try matrix.add("Checkmarks.csv", "Date,A,B,\n2024-01-01,YES_MANUAL,NO,\n")
    #expect(try ImportedHistory(reading: matrix.bytes, options: ImportSupport.options).days("A") == "2024-01-01")
    var folders = TestZip()
    try folders.add("001 A/Checkmarks.csv", "2024-01-01,2\n")
    try folders.add("002 B b/Checkmarks.csv", "2024-01-02,2\n")
    let history = try ImportedHistory(reading: folders.bytes, options: ImportSupport.options)
    #expect((history.days("A"), history.days("B b")) == ("2024-01-01", "2024-01-02"))
  }

  @Test("a zip file with one table or document is read; a damaged one and other files are reported")
  func otherArchives() throws {
    var one = TestZip()
    try one.add("data/semicolon.csv", try ImportSupport.text(of: "semicolon.csv"))
    try one.add("read me.md", "x")
    #expect(try ImportedHistory(reading: one.bytes, options: ImportSupport.options).source == .table)
    func message(_ bytes: [UInt8]) -> String {
      do throws(ImportedHistory.Failure) { _ = try ImportedHistory(reading: bytes, name: "f.zip") } catch {
        return error.message
      }
      return ""
    }
    #expect(message(Array(one.bytes.dropLast(30))).contains("cut off"))
    var damaged = one.bytes
    damaged[55] ^= 0xFF
    #expect(message(damaged).contains("data/semicolon.csv cannot be unpacked"))
    var sheet = TestZip()
    try sheet.add("xl/workbook.xml", "<a/>")
    #expect(message(sheet.bytes).contains("spreadsheet"))
    var several = TestZip()
    try several.add("a.csv", "")
    try several.add("b.csv", "")
    #expect(message(several.bytes).contains("2 files"))
    // Any bytes are either read or refused.
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      var bytes = one.bytes
      for _ in 0..<3 {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      _ = try? ImportedHistory(reading: bytes, options: ImportSupport.options)
    }
  }

  @Test("a backup in WAL mode, and days without a habit, without a date or with a weekly goal")
  func database() throws {
    let folder = TestFolder()
    let database = try SQLiteDatabase(path: folder.file)
    _ = try database.rows("PRAGMA journal_mode = WAL")
    try database.execute(
      "CREATE TABLE Habits (Id INTEGER PRIMARY KEY, name TEXT, type INTEGER, target_type INTEGER, target_value REAL, unit TEXT, freq_num INTEGER, freq_den INTEGER, color INTEGER)"
    )
    try database.execute(
      "CREATE TABLE Repetitions (Id INTEGER PRIMARY KEY, habit, timestamp, value INTEGER, notes TEXT)")
    try database.execute("INSERT INTO Habits VALUES (1, 'Walk', 1, 0, 70, 'km', 1, 7, 8)")
    try database.execute("INSERT INTO Habits VALUES (2, 'Sweets', 1, 1, 3, '', 1, 7, -16742021)")
    let day: Int64 = 86_400_000 * 19_000
    for (habit, moment, value) in [
      (1, SQLiteValue.integer(day), 5_000), (2, .integer(day), 1_000), (9, .integer(day), 2), (1, .null, 2),
    ] {
      try database.execute(
        "INSERT INTO Repetitions (habit, timestamp, value, notes) VALUES (?, ?, ?, 'n')", .integer(Int64(habit)),
        moment, .integer(Int64(value)))
    }
    let history = try ImportedHistory(readingFile: folder.file, options: ImportSupport.options)
    #expect(history.habits.map(\.color) == [0x00897B, 0x00897B])
    #expect(history.note("Walk", Day(19_000).description) == "n (5 km)")
    #expect(history.days("Sweets") == "")
    for line in [
      "Walk||||is to be done in another rhythm (at least 70 km in 7 days) there",
      "Sweets|2022-01-08||1, n|an amount whose goal is a limit for 7 days and not for one",
      "|2022-01-08|Repetitions, number 3|n|the day belongs to no habit of the file",
      "||Repetitions, number 4|n|the day has no date",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }
}
