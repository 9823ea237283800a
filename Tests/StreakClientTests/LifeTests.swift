import SQLite
import StreakClient
import StreakDomain
import Testing

@Suite("The data of an anonymous person on one device")
struct LifeTests {
  private let folder = TestFolder()
  private let clock = TestClock()

  private func open() throws -> StreakClient {
    StreakClient(storage: try FileStorage(path: folder.file), clock: clock)
  }

  @Test("a tap is visible to every client that opens the file later, without a server")
  func durable() async throws {
    let client = try open()
    let reading = try await client.addHabit("reading", description: "a page or more", color: 0x33_66_99)
    for _ in 0..<3 {
      try await client.complete(reading, note: "good")
      clock.advance(days: 1)
    }
    // The first client is still open, as after a kill: it has no unwritten changes.
    let habit = try #require(try await open().habit(named: " Reading "))
    #expect(habit.fields == HabitFields(name: "reading", description: "a page or more", color: 0x33_66_99))
    #expect((habit.streak.current, habit.streak.longest, habit.streak.state) == (3, 3, .atRisk))
    #expect(habit.cells.values.allSatisfy { $0.done && $0.note == "good" })
  }

  @Test("an undone day keeps its note; done again, the streak is whole (C66)")
  func undo() async throws {
    let client = try open()
    let reading = try await client.addHabit("reading")
    try await client.complete(reading, on: try await client.today().advanced(by: -1))
    try await client.complete(reading, note: "late")
    try await client.undo(reading)
    var habit = try #require(try await client.habit(named: "reading"))
    #expect(habit.streak.current == 1)
    #expect(habit.cells[habit.today] == CellContent(done: false, note: "late", trust: .counted))
    try await client.complete(reading)
    habit = try #require(try await client.habit(named: "reading"))
    #expect(habit.streak.current == 2)
    #expect(habit.cells[habit.today]?.note == "late")
  }

  @Test("taps that break a rule are refused at once, and leave no data")
  func refused() async throws {
    let client = try open()
    let reading = try await client.addHabit("reading")
    let today = try await client.today()
    await #expect(throws: ClientError.refusedHere(.futureDay)) {
      try await client.complete(reading, on: today.advanced(by: 2))
    }
    await #expect(throws: ClientError.refusedHere(.invalidField)) {
      try await client.complete(reading, on: Day.earliest.advanced(by: -1))
    }
    await #expect(throws: ClientError.refusedHere(.cellNotFound)) { try await client.undo(reading) }
    await #expect(throws: ClientError.refusedHere(.habitNotFound)) {
      try await client.complete(Identifier(high: 1, low: 1))
    }
    // The limit of a note, and one past it.
    try await client.complete(reading, note: String(repeating: "n", count: StreakClient.noteBytesMax))
    await #expect(throws: ClientError.self) {
      try await client.complete(reading, note: String(repeating: "n", count: StreakClient.noteBytesMax + 1))
    }
    for name in ["", " ", "two\nlines", "nul\u{0}", String(repeating: "x", count: 257)] {
      await #expect(throws: ClientError.self) { try await client.addHabit(name) }
    }
    #expect(try await client.habits().count == 1)
    #expect(try await client.habits()[0].cells.count == 1)
  }

  @Test("without an account a day in a wrong year can be undone (A7); in an account it is sealed")
  func oldDay() async throws {
    let client = try open()
    let reading = try await client.addHabit("reading")
    let day = try await client.today().advanced(by: -365)
    try await client.complete(reading, on: day)
    try await client.undo(reading, on: day)
    #expect(try await client.habits()[0].cells[day]?.done == false)
  }

  @Test("a note is set, changed and cleared, on a day that is done and on one that is not")
  func notes() async throws {
    let client = try open()
    let reading = try await client.addHabit("reading")
    let yesterday = try await client.today().advanced(by: -1)
    try await client.complete(reading, note: "a")
    try await client.complete(reading)
    #expect(try await client.habits()[0].cells[client.today()]?.note == "a", "done without a note states none")
    try await client.setNote(reading, to: "b")
    try await client.setNote(reading, on: yesterday, to: "ill")
    var cells = try await client.habits()[0].cells
    #expect(cells[yesterday] == CellContent(done: false, note: "ill", trust: .counted))
    #expect(cells[try await client.today()] == CellContent(done: true, note: "b", trust: .counted))
    try await client.complete(reading, note: "")
    try await client.setNote(reading, on: yesterday, to: "")
    cells = try await client.habits()[0].cells
    #expect(cells.values.map(\.note) == ["", ""])
    #expect(cells[try await client.today()]?.done == true)
    let long = String(repeating: "n", count: StreakClient.noteBytesMax)
    try await client.setNote(reading, to: long)
    await #expect(throws: ClientError.self) { try await client.setNote(reading, to: long + "n") }
  }

  @Test("the day begins at the person's day start, and earlier taps keep their days (C56, C57)")
  func dayStart() async throws {
    let client = try open()
    let reading = try await client.addHabit("reading")
    clock.advance(milliseconds: 15 * 3_600_000)  // 03:00
    try await client.complete(reading)
    let first = try await client.today()
    try await client.setDayStart(minutes: 240)
    #expect(try await client.today() == first.advanced(by: -1))
    try await client.complete(reading)
    let habit = try #require(try await client.habit(named: "reading"))
    #expect(Set(habit.cells.keys) == [first, first.advanced(by: -1)])
    // Entered afterwards, with the latest possible day start: still the given day.
    try await client.setDayStart(minutes: 1_439)
    try await client.complete(reading, on: first.advanced(by: -5))
    #expect(try await client.habits()[0].cells[first.advanced(by: -5)]?.done == true)
  }

  @Test("two programs on one file see each other's taps, and neither loses any")
  func shared() async throws {
    let (one, other) = (try open(), try open())
    let reading = try await one.addHabit("reading")
    let today = try await one.today()
    for day in 0..<20 {
      try await (day.isMultiple(of: 2) ? one : other).complete(reading, on: today.advanced(by: -day))
    }
    for client in [one, other] { #expect(try await client.habits()[0].streak.current == 20) }
  }

  @Test("a deleted habit is removed with its days; an archived one is only hidden")
  func deletion() async throws {
    let client = try open()
    let (reading, running) = (try await client.addHabit("reading"), try await client.addHabit("running"))
    try await client.complete(reading)
    try await client.complete(running)
    try await client.deleteHabit(reading)
    try await client.editHabit(running) { $0.archived = true }
    let again = try open()
    #expect(try await again.habits().isEmpty)
    #expect(try await again.habits(includingArchived: true).map(\.id) == [running])
  }

  @Test("a file of another program, of a newer version, or without a database is refused and not changed")
  func foreign() throws {
    try SQLiteDatabase(path: folder.file).execute("CREATE TABLE other (v)")
    #expect(throws: StorageError.self) { _ = try FileStorage(path: folder.file) }
    #expect(throws: StorageError.self) { _ = try FileStorage(path: folder.path) }
    let newer = TestFolder()
    _ = try FileStorage(path: newer.file)
    try SQLiteDatabase(path: newer.file).execute("PRAGMA user_version = 2")
    #expect(throws: StorageError.self) { _ = try FileStorage(path: newer.file) }
  }
}
