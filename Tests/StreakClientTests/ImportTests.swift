import StreakClient
import StreakDomain
import Testing

@Suite("Import of other trackers' text files")
struct ImportTests {
  private func day(_ text: String) throws -> Day { try #require(Day(iso: text)) }

  @Test("HabitBull: quoted fields, both ways of dates, values above 0")
  func habitBull() throws {
    let lines = [
      "\u{FEFF}HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText",
      #""Tea, ""green""","a,b",C,2024-02-29,1,"two"# + "\nlines\"",
      "Run,,C,2/9/2020,1,", "Run,,C,2/10/2020,0,", "Run,,C,2/30/2020,1,", "Run,,C,2/11/2020,-2150000000,",
      "Run,,C,2/12/2020,3", "Skip,,C",
    ]
    let text = lines.joined(separator: "\r\n")
    let history = try ImportedHistory(csv: Array(text.utf8))
    #expect(history.source == .habitBull)
    #expect(history.habits.map(\.name) == ["Tea, \"green\"", "Run"])
    #expect(history.habits[0].days == [try day("2024-02-29"): "two\nlines"])
    #expect(history.habits[0].description == "a,b")
    #expect(Set(history.habits[1].days.keys) == [try day("2020-02-09"), try day("2020-02-12")])
  }

  @Test("Loop's checkmarks: only what the person checked")
  func loop() throws {
    let history = try ImportedHistory(
      csv: Array("Date,A,B,\n2024-01-02,YES_MANUAL,YES_AUTO,\n2024-01-01,2,UNKNOWN,\n".utf8))
    #expect(history.habits.map(\.name) == ["A", "B"])
    #expect(Set(history.habits[0].days.keys) == [try day("2024-01-01"), try day("2024-01-02")])
    #expect(history.habits[1].days.isEmpty)
  }

  @Test(
    "what is none of them is told",
    arguments: ["", "a,b\n", "Date\n", "HabitName,\"", "Date,A\nyesterday,2\n", "\0\u{1}\n"])
  func unknown(text: String) {
    #expect(throws: ImportedHistory.Failure.self) { _ = try ImportedHistory(csv: Array(text.utf8)) }
  }

  @Test("a file of the largest size is read, and one of a byte more is not")
  func size() throws {
    var bytes = Array("Date,A\n".utf8)
    bytes += [UInt8](repeating: UInt8(ascii: "\n"), count: 1_000 - bytes.count)
    #expect(try ImportedHistory(csv: bytes, bytesMax: 1_000).habits.count == 1)
    #expect(throws: ImportedHistory.Failure.self) { _ = try ImportedHistory(csv: bytes + [10], bytesMax: 1_000) }
  }

  @Test(
    "an import goes the way of taps: again it adds nothing, what breaks a rule is listed, all of it or nothing is kept")
  func rules() async throws {
    let clock = TestClock()
    let client = StreakClient(storage: MemoryStorage(), clock: clock)
    let today = try await client.today()
    var habit = ImportedHistory.Habit(name: "Read")
    habit.days = [
      today: "n", today.advanced(by: -29): "", today.advanced(by: -30): "", today.advanced(by: 2): "", Day(0): "",
    ]
    var history = ImportedHistory(source: .loopDatabase)
    history.habits = [habit, habit]
    let report = try await client.importHistory(history)
    #expect((report.habitsMade, report.daysAdded, report.daysThatWillNotCount) == (2, 6, 2))
    #expect(report.refused["Read"]?.count == 4)
    let again = try await client.importHistory(history)
    #expect((again.habitsMade, again.daysAdded, again.daysKnown) == (0, 0, 6))
    history.habits = [ImportedHistory.Habit(name: "new"), ImportedHistory.Habit(name: "two\nlines")]
    await #expect(throws: ClientError.self) { try await client.importHistory(history) }
    #expect(try await client.habits().count == 2)
  }
}
