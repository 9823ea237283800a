import SplitMix
import StreakClient
import StreakDomain
import Testing

@Suite("Import: limits, what counts, what is refused")
struct ImportRulesTests {
  @Test("texts at their limits stay whole; with one byte more they are cut at a character and reported")
  func limits() throws {
    func json(_ name: String, _ description: String, _ note: String) -> String {
      #"{"habits": [{"id": "a", "name": "\#(name)", "description": "\#(description)", "orderIndex": 0}], "completions": [{"habitId": "a", "date": "2024-01-01", "note": "\#(note)"}]}"#
    }
    func text(_ bytes: Int) -> String { "é" + String(repeating: "x", count: bytes - 4) + "é" }
    let whole = try ImportSupport.read(json(text(256), text(2_048), text(4_096)))
    #expect(whole.remarks.isEmpty, "\(whole.told)")
    #expect(whole.habits[0].name == text(256) && whole.habits[0].description == text(2_048))
    #expect(whole.habits[0].days.values.first == text(4_096))
    let longer = try ImportSupport.read(json(text(257), text(2_049), text(4_097)))
    #expect(longer.habits[0].name.utf8.count == 255 && longer.habits[0].description.utf8.count == 2_047)
    #expect(longer.habits[0].days.values.first?.utf8.count == 4_095)
    for line in [
      "its name is longer than 256 bytes", "its description is longer than 2048 bytes",
      "the note has 4097 bytes; its first 4095 are kept",
    ] {
      #expect(longer.told.contains(line), "\(line)")
    }
  }

  @Test("a habit without a name gets one, and control characters are removed")
  func names() throws {
    let history = try ImportSupport.read(
      #"{"habits": [{"id": "a", "name": " "}, {"id": "b", "name": "x\u0000\ty"}, {"id": "c"}], "completions": []}"#)
    #expect(history.habits.map(\.name) == ["Habit 1", "x  y", "Habit 3"])
    #expect(history.told.contains("Habit 1||habits, entry 1||has no name in the file"))
  }

  private static func history(_ habits: (String, [Day: String])...) -> ImportedHistory {
    var history = ImportedHistory(source: .loopDatabase)
    history.habits = habits.map { name, days in
      var habit = ImportedHistory.Habit(name: name)
      habit.days = days
      return habit
    }
    return history
  }

  @Test("imported days follow the rules of taps: a second import adds nothing; refused days are listed")
  func rules() async throws {
    let client = StreakClient(storage: MemoryStorage(), clock: TestClock())
    let today = try await client.today()
    let days = [
      today: "n", today.advanced(by: -29): "", today.advanced(by: -30): "", today.advanced(by: 2): "", Day(0): "old",
    ]
    let history = Self.history(("Read", days), ("Read", days))
    let before = try await client.previewImport(history)
    #expect(try await client.habits().isEmpty, "a preview changes nothing")
    let report = try await client.importHistory(history)
    #expect(report == before)
    #expect(
      (report.habitsMade, report.daysAdded, report.daysThatWillCount, report.daysThatWillNotCount) == (2, 6, 4, 2))
    #expect(report.refused["Read"]?.count == 4)
    let told = report.remarks.map(\.text)
    #expect(
      told.contains("days before 2000-01-01 cannot be kept")
        && told.contains("the day cannot be kept: that day is in the future"))
    let again = try await client.importHistory(history)
    #expect((again.habitsMade, again.daysAdded, again.daysKnown) == (0, 0, 6))
  }

  @Test("a habit that cannot be stored is listed, and the others are imported")
  func badHabit() async throws {
    let client = StreakClient(storage: MemoryStorage(), clock: TestClock())
    let today = try await client.today()
    let report = try await client.importHistory(Self.history(("two\nlines", [today: ""]), ("good", [today: ""])))
    #expect(try await client.habits().map(\.fields.name) == ["good"])
    #expect(report.remarks.first?.text.hasPrefix("the habit cannot be kept: a habit's name is visible text") == true)
    #expect(report.refused["two\nlines"] == [today])
  }

  @Test("notes of known days: a missing note is added, a different one is not stored but reported")
  func knownNotes() async throws {
    let client = StreakClient(storage: MemoryStorage(), clock: TestClock())
    let today = try await client.today()
    let habit = try await client.addHabit("Read")
    try await client.complete(habit)
    try await client.complete(habit, on: today.advanced(by: -1), note: "mine")
    let report = try await client.importHistory(
      Self.history(("read", [today: "theirs", today.advanced(by: -1): "theirs"])))
    #expect((report.daysKnown, report.notesAdded, report.daysAdded) == (2, 1, 0))
    #expect(report.remarks.map(\.detail) == ["theirs"])
    let cells = try await client.habits()[0].cells
    #expect((cells[today]?.note, cells[today.advanced(by: -1)]?.note) == ("theirs", "mine"))
  }

  @Test("more habits than an account may have: those within the limit are imported, the others are listed")
  func habitLimit() async throws {
    let client = StreakClient(storage: MemoryStorage(), clock: TestClock())
    var history = ImportedHistory(source: .table)
    history.habits = (0...StreakClient.habitsMax).map { ImportedHistory.Habit(name: "habit \($0)") }
    let report = try await client.importHistory(history)
    #expect(report.habitsMade == StreakClient.habitsMax)
    #expect(report.remarks.map(\.habit) == ["habit \(StreakClient.habitsMax)"])
    #expect(report.remarks.map(\.text) == ["the habit cannot be kept: there are 1000 habits already"])
  }

  @Test("more days than a session may have: those within the limit are imported, the others are listed")
  func sessionLimit() async throws {
    let client = StreakClient(storage: MemoryStorage(), clock: TestClock())
    let today = try await client.today()
    var history = ImportedHistory(source: .table)
    let daysEach = 5_000
    for number in 0...StreakClient.sessionEntriesMax / daysEach {
      var habit = ImportedHistory.Habit(name: "habit \(number)")
      for ago in 0..<daysEach where number < 10 || ago == 0 { habit.days[today.advanced(by: -ago)] = "" }
      history.habits.append(habit)
    }
    let report = try await client.importHistory(history)
    #expect((report.daysAdded, report.habitsMade) == (StreakClient.sessionEntriesMax, 11))
    #expect(report.refused == ["habit 10": [today]])
    #expect(report.remarks.map(\.text) == ["the day cannot be kept: without an account at most 50000 days can be kept"])
  }

  @Test("any bytes are either read or refused by every reader", arguments: UInt64(0)..<8)
  func mutated(seed: UInt64) throws {
    let fixtures = [
      "habitbull-uk.csv", "habitica-user.json", "habitkit.json", "loop-2.0.3-Checkmarks.csv",
      "loop-comma-Checkmarks.csv",
      "loop-per-habit-Checkmarks-2.3.csv", "semicolon.csv",
    ]
    var randomness = SplitMix64(seed: seed)
    func random(_ bound: Int) -> Int { randomness.index(below: bound) }
    let replacements: [[UInt8]] = [
      Array("9223372036854775807".utf8), Array("-9223372036854775808".utf8), Array("1e308".utf8), Array("\"".utf8),
      [0xFF], [],
      Array("\n".utf8), Array(",".utf8), Array(";".utf8), [0],
    ]
    for name in fixtures {
      let original = try ImportSupport.bytes(of: name)
      for _ in 0..<100 {
        var bytes = original
        for _ in 0..<3 {
          let start = random(bytes.count)
          let end = min(bytes.count, start + random(12))
          bytes.replaceSubrange(start..<end, with: replacements[random(replacements.count)])
        }
        _ = try? ImportedHistory(
          reading: bytes, options: ImportOptions(dateOrder: .dayFirst, habitName: "x", clock: TestClock()))
      }
    }
  }
}
