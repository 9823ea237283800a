import StreakClient
import StreakDomain
import Testing

@Suite("Import of files as trackers have written them")
struct ImportSampleTests {
  private func read(_ name: String, _ options: ImportOptions = ImportSupport.options) throws -> ImportedHistory {
    try ImportedHistory(readingFile: ImportSupport.fixture(name), options: options)
  }

  @Test("Loop's backup: limits are not goals, too long a note is cut, rhythms and skipped days are reported")
  func loopDatabase() throws {
    let history = try read("loop-atmost.db")
    #expect(history.source == .loopDatabase)
    #expect(history.days("Cigarettes") == "2026-07-29 2026-07-30 2026-08-01")
    #expect(history.note("Cigarettes", "2026-07-29") == "n0 (3 pcs)")
    #expect(history.days("Water") == "2026-07-29")
    #expect(history.note("Read", "2026-08-01")?.utf8.count == 4_096)
    #expect(history.habits[1].description == "Did you train?")
    for line in [
      "Cigarettes|2026-07-31||7 pcs, n2|more than the limit of 5 pcs, so the day is not done",
      "Gym (3 per week)||||is to be done 3 times a week there; here it becomes a daily habit",
      "Water|2026-07-30||4 glasses, glass note|less than the goal of 8 glasses, so the day is not done",
      "Read|2026-07-30||flu, skipped|a skipped day is not kept",
      "the note has 5000 bytes; its first 4096 are kept",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test("Loop 2.0.3 writes values as Entry(...)")
  func loopEntries() throws {
    let history = try read("loop-2.0.3-Checkmarks.csv")
    #expect(history.days("Meditate") == "2023-02-15 2023-02-16 2023-02-17")
    #expect(history.days("Wake up early") == "2023-02-16")
  }

  @Test("a name with a comma keeps its own days, and so do its neighbours")
  func loopComma() throws {
    let history = try read("loop-comma-Checkmarks.csv")
    #expect(history.habits.map(\.name) == ["Reduce sleep, and wake up early", "Read", "Run"])
    #expect(history.days("Reduce sleep, and wake up early") == "2025-08-03")
    #expect(history.days("Read") == "2025-08-02")
    #expect(history.days("Run") == "2025-08-01")
  }

  @Test(
    "Loop's file of one habit: its name comes from the folder, or the person is asked",
    arguments: [
      ("loop-per-habit-Checkmarks-2.3.csv", "2025-08-01 2025-08-03"),
      ("loop-per-habit-Checkmarks-2.0.csv", "2015-01-23 2015-01-25"),
    ])
  func loopHabitFile(name: String, days: String) throws {
    #expect { try read(name) } throws: { ($0 as? ImportedHistory.Failure)?.question == .habitName }
    let named = try read(name, ImportOptions(habitName: "Walk", clock: TestClock()))
    #expect(named.habits.map(\.name) == ["Walk"])
    #expect(named.days("Walk") == days)
    let bytes = try ImportSupport.text(of: name)
    let inFolder = try ImportSupport.read(bytes, name: "Loop/003 Evening walk/Checkmarks.csv")
    #expect(inFolder.days("Evening walk") == days)
  }

  @Test("a skipped day of Loop's file of one habit is reported with its note")
  func loopHabitFileSkips() throws {
    let history = try read("loop-per-habit-Checkmarks-2.3.csv", ImportOptions(habitName: "Walk", clock: TestClock()))
    #expect(history.told.contains("Walk|2025-08-02|line 3|flu, in bed|a skipped day is not kept"))
    #expect(history.note("Walk", "2025-08-01") == "after work")
  }

  @Test("HabitBull in Britain: the day comes first in the whole file")
  func habitBullBritish() throws {
    let history = try read("habitbull-uk.csv")
    #expect(history.days("Read") == "2024-12-31 2025-01-01 2025-01-02 2025-01-13")
    #expect(history.note("Read", "2024-12-31") == "last day")
  }

  @Test("HabitBull with a column of numbers beside the date")
  func habitBullNumbered() throws {
    let history = try read("habitbull-datenumber.csv")
    #expect(history.source == .habitBull)
    #expect(history.days("Read") == "2024-01-01 2024-01-02")
    #expect(history.days("Run") == "2024-01-01")
  }

  @Test("a table of a spreadsheet with semicolons and words")
  func table() throws {
    let history = try read("semicolon.csv")
    #expect(history.source == .table)
    #expect(history.days("Leer") == "2024-01-01 2024-01-02")
    #expect(history.days("Correr") == "2024-01-02 2024-01-03")
  }

  @Test("HabitKit: the day follows from the stored UTC offset")
  func habitKit() throws {
    let history = try read("habitkit.json")
    #expect(history.source == .habitKit)
    #expect(history.days("Ytyy") == "2026-07-22")
    #expect(history.habits.map(\.archived) == [false, true])
  }

  @Test("Habitica's user data")
  func habitica() throws {
    let history = try read("habitica-user.json")
    #expect(history.source == .habitica)
    #expect(history.days("Water") == "2024-01-01")
  }
}
