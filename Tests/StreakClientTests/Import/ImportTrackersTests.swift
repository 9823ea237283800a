import SQLite
import StreakClient
import StreakDomain
import Testing

@Suite("Import of HabitBull, Tickmate, Rewire, HabitKit, Habitica, Beaver Habits and our own export")
struct ImportTrackersTests {
  @Test("HabitBull: both date formats, values above 0, cut rows, repeated days")
  func habitBull() throws {
    let lines = [
      "\u{FEFF}HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText",
      #""Tea, ""green""","a,b",C,2024-02-29,1,"two"# + "\nlines\"",
      "Run,,C,2/9/2020,1,", "Run,,C,2/10/2020,0,", "Run,,C,2/30/2020,1,", "Run,,C,2/11/2020,-2150000000,",
      "Run,,C,2/12/2020,3", "Skip,,C", "Run,,C,2/9/2020,1,", "Run,,C,2/13/2020,,", ",,C,2/13/2020,1,",
      "Run,,C,2/14/2020,-2.15E+09,",
    ]
    let history = try ImportSupport.read(lines.joined(separator: "\r\n"))
    #expect(history.source == .habitBull)
    #expect(history.habits.map(\.name) == ["Tea, \"green\"", "Run"])
    #expect(history.habits[0].description == "a,b")
    #expect(history.note("Tea, \"green\"", "2024-02-29") == "two\nlines")
    #expect(history.days("Run") == "2020-02-09 2020-02-12")
    for line in [
      "Run||line 6|2/30/2020|there is no such day", "Skip||line 9||the row is cut and was not taken",
      "Run|2020-02-09|line 10||says the same as a row before it", "Run||line 11||the row has no value",
      "|line 12|2/13/2020|the row names no habit", "Run|||", "the file has amounts and does not say which amount",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test(
    "amounts with decimals of any locale; the note keeps the amount",
    arguments: [
      ("1.5", ",", "1.5"), ("1,5", ";", "1.5"), ("\"1,5\"", ",", "1.5"), ("\"1,250.5\"", ",", "1250.5"),
      ("1.250,5", ";", "1250.5"),
      ("30", ",", "30"), ("7,5 km", ";", "7.5"), ("1e2", ",", "100"),
    ])
  func decimals(amount: String, delimiter: String, note: String) throws {
    let header = ["HabitName", "HabitDescription", "HabitCategory", "CalendarDate", "Value"].joined(
      separator: delimiter)
    let history = try ImportSupport.read(
      "\(header)\n" + ["Run", "", "", "2024-01-01", amount].joined(separator: delimiter))
    #expect(history.note("Run", "2024-01-01") == note)
  }

  @Test(
    "a number with another decimal sign than most is read by its own, and listed",
    arguments: [
      ("\"1,5\"", ",", "1.5 2.5", "1.5"), ("1.5", ";", "1,5 2,5", "1.5"), ("\"1.234,5\"", ",", "1.5 2.5", "1234.5"),
      ("1.234.567", ",", "1.5 2.5", "1234567"),
    ])
  func mixedDecimals(amount: String, delimiter: String, others: String, note: String) throws {
    let amounts = [amount] + others.split(separator: " ").map { String($0) }
    let rows = amounts.enumerated().map { ["Run", "2025-01-0\($0.offset + 1)", $0.element] }
    let lines = ([["habit", "date", "value"]] + rows).map { $0.joined(separator: delimiter) }
    let history = try ImportSupport.read(lines.joined(separator: "\n") + "\n")
    let notes = (1...3).map { history.note("Run", "2025-01-0\($0)") }
    #expect(notes == [note, "1.5", "2.5"])
    let told = history.told.split(separator: "\n").filter { $0.contains("decimal sign") }
    let remark = "its decimal sign is not that of the file's other numbers; it was read with its own"
    #expect(told == ["Run||line 2|\(amount.replacing("\"", with: "")) = \(note)|\(remark)"])
  }

  @Test("lists of other programs: words, notes, times, several records a day, ignored columns")
  func list() throws {
    let history = try ImportSupport.read(
      """
      Date,Habit,Status,Notes,Time,Mood
      2024-01-01,Read,Done,good,08:30,3
      2024-01-01,Read,done,better,21:00,4
      2024-01-02,Read,maybe,,,
      2024-01-03,Read,skipped,ill,,
      2024-01-04,Read,no,tired,,
      2024-01-05,Read,✓,,,
      2024-01-06
      """)
    #expect(history.source == .list)
    #expect(history.days("Read") == "2024-01-01 2024-01-05")
    #expect(history.note("Read", "2024-01-01") == "good\nbetter (2 times: 08:30, 21:00)")
    for line in [
      "Read||line 4|maybe|this is neither a number nor a word", "Read|2024-01-03|line 5|ill|a skipped day",
      "Read|2024-01-04|line 6|tired|the note of a day that is not done", "|||Mood|a column is not kept",
      "|line 8|2024-01-06|the row names no habit",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test("a table with habits in rows, text columns, columns without a name, and cut rows")
  func tables() throws {
    let turned = try ImportSupport.read("Habit,2024-01-01,2024-01-02\nRead,x,\nRun,,1\n")
    #expect((turned.days("Read"), turned.days("Run")) == ("2024-01-01", "2024-01-02"))
    let mixed = try ImportSupport.read("Date,Read,Run,Diary,\n2024-01-01,x,1,rain today,5\n2024-01-02,x\n")
    #expect((mixed.days("Read"), mixed.days("Run")) == ("2024-01-01 2024-01-02", "2024-01-01"))
    for line in [
      "||line 2|rain today|the column Diary holds text", "|1 values|column 5 has no name", "|line 3||the row is cut",
    ] {
      #expect(mixed.told.contains(line), "\(line)\n\(mixed.told)")
    }
    let single = try ImportSupport.read("Date,Read,Notes\n2024-01-01,x,rain\n")
    #expect(single.note("Read", "2024-01-01") == "rain")
  }

  @Test("Tickmate: several ticks of a day and their times are kept in its note; invalid days are reported")
  func tickmate() throws {
    let folder = TestFolder()
    let database = try SQLiteDatabase(path: folder.file)
    try database.execute(
      "CREATE TABLE tracks (_id INTEGER PRIMARY KEY, name TEXT, description TEXT, enabled INTEGER, \"order\" INTEGER)")
    try database.execute(
      "CREATE TABLE ticks (_id INTEGER PRIMARY KEY, _track_id, year, month, day, hour, minute, second, has_time_info)")
    try database.execute("INSERT INTO tracks VALUES (1, 'Water', 'a glass', 0, 1), (2, 'Walk', '', 1, 0)")
    for row in [
      "1, 2024, 0, 31, 20, 5, 0, 1", "1, 2024, 0, 31, 8, 30, 0, 1", "1, 2024, 1, 29, 0, 0, 0, 0",
      "1, 2024, 1, 29, 0, 0, 0, 0", "2, 2024, 1, 1, 7, 0, 0, 1", "2, 2024, 1, 31, 0, 0, 0, 0",
      "7, 2024, 0, 1, 0, 0, 0, 0",
    ] {
      try database.execute(
        "INSERT INTO ticks (_track_id, year, month, day, hour, minute, second, has_time_info) VALUES (\(row))")
    }
    let history = try ImportedHistory(readingFile: folder.file, options: ImportSupport.options)
    #expect(history.habits.map(\.name) == ["Walk", "Water"])
    #expect(history.note("Water", "2024-01-31") == "2 times: 08:30, 20:05")
    #expect(history.note("Water", "2024-02-29") == "2 times")
    #expect(history.note("Walk", "2024-02-01") == "07:00")
    #expect(history.told.contains("Walk||ticks, number 6|2024-2-31|there is no such day"))
    #expect(history.told.contains("||ticks, number 7|2024-1-1|the tick belongs to no track"))
  }

  @Test("Rewire: done, missed and skipped days, rhythms")
  func rewire() throws {
    let folder = TestFolder()
    let database = try SQLiteDatabase(path: folder.file)
    try database.execute(
      "CREATE TABLE Habits (_id INTEGER PRIMARY KEY, Order_num, Name, description, archived, schedule, active_days, days, period, repeating_count)"
    )
    try database.execute("CREATE TABLE CHECKINS (_id INTEGER PRIMARY KEY, Habit_id, date, type, note)")
    try database.execute("INSERT INTO Habits VALUES (1, 1, 'Swim', '', 0, 1, '', 2, 0, 0)")
    try database.execute(
      "INSERT INTO CHECKINS (Habit_id, date, type, note) VALUES (1, '20240101', 2, 'cold'), (1, '20240102', 1, NULL), (1, '20240103', 3, NULL), (1, '2024', 2, NULL)"
    )
    let history = try ImportedHistory(readingFile: folder.file, options: ImportSupport.options)
    #expect(history.source == .rewire)
    #expect(history.note("Swim", "2024-01-01") == "cold")
    #expect(history.days("Swim") == "2024-01-01")
    for line in [
      "to be done 2 times a week", "Swim|2024-01-03|CHECKINS, number 3||a skipped day",
      "CHECKINS, number 4|2024|this is no date",
    ] {
      #expect(history.told.contains(line), "\(line)\n\(history.told)")
    }
  }

  @Test("HabitKit: changing goals, habits to abstain from, completions without a habit, order, colours")
  func habitKit() throws {
    let history = try ImportSupport.read(
      """
      {"habits": [
        {"id": "w", "name": "Water", "color": "#0F0", "orderIndex": 1, "description": null},
        {"id": "s", "name": "Smoke", "color": "red", "orderIndex": 0, "isInverse": true},
        {"id": "g", "name": "Gym", "orderIndex": 2}],
       "completions": [
        {"date": "2026-05-10T00:00:00.000Z", "habitId": "w", "timezoneOffsetInMinutes": 60, "amountOfCompletions": 1},
        {"date": "2026-05-16T22:30:00.000Z", "habitId": "w", "timezoneOffsetInMinutes": 120, "amountOfCompletions": 1, "note": "n"},
        {"date": "2026-05-18T10:00:00.000Z", "habitId": "w", "timezoneOffsetInMinutes": 60, "amountOfCompletions": 3},
        {"date": "2026-05-19T10:00:00.000Z", "habitId": "s", "timezoneOffsetInMinutes": 60, "amountOfCompletions": 1},
        {"date": "x", "habitId": "w", "amountOfCompletions": 1},
        {"date": "2026-05-20T10:00:00.000Z", "habitId": "zzz", "amountOfCompletions": 1},
        {"date": "2026-05-21T10:00:00.000Z", "habitId": "g"}],
       "intervals": [
        {"habitId": "w", "startDate": "2026-01-01T00:00:00.000Z", "endDate": "2026-05-15T00:00:00.000Z", "requiredNumberOfCompletionsPerDay": 1},
        {"habitId": "w", "startDate": "2026-05-15T00:00:00.000Z", "endDate": null, "type": "day", "requiredNumberOfCompletionsPerDay": 2},
        {"habitId": "g", "startDate": "2026-01-01T00:00:00.000Z", "type": "week", "requiredNumberOfCompletions": 3}],
       "reminders": [{"habitId": "g"}], "categories": [{"name": "Health"}]}
      """)
    #expect(history.habits.map(\.name) == ["Smoke", "Water", "Gym"])
    #expect(history.habits.map(\.color) == [0xEF4444, 0x00FF00, 0])
    #expect(history.days("Water") == "2026-05-10 2026-05-18")
    #expect(history.note("Water", "2026-05-18") == "3 times")
    #expect((history.days("Smoke"), history.days("Gym")) == ("", "2026-05-21"))
    for line in [
      "Water|2026-05-17|completions, entry 2|1 times, n|less than the goal of 2 times",
      "Smoke|2026-05-19|completions, entry 4|1|this is a failure to keep away from it",
      "Water||completions, entry 5|x|this is no date", "||completions, entry 6|", "Gym||||is to be done 3 times a week",
      "Gym||||its reminder is not kept", "|Health|categories are not kept",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test(
    "Habitica: all places of the tasks; the zone and the day start are the person's",
    arguments: [
      #"{"tasks": [%@]}"#, #"{"data": {"tasks": [%@]}}"#, #"{"success": true, "data": [%@]}"#, "[%@]",
      #"{"tasks": {"dailys": [%@], "habits": [], "todos": [{"text": "x"}]}}"#,
    ])
  func habitica(frame: String) throws {
    let daily =
      #"{"type": "daily", "text": "Water", "history": [{"date": 1704067200000, "value": 1, "completed": true}, {"date": "2024-01-02T10:00:00.000Z", "value": 0, "completed": false}, {"date": 1704240000000, "value": 0.5}, {"date": "x"}]}"#
    let history = try ImportSupport.read(frame.replacing("%@", with: daily))
    #expect(history.source == .habitica)
    #expect(history.days("Water") == "2024-01-01 2024-01-03")
    #expect(history.told.contains("Water||history of Water, entry 4|x|this is no date"))
  }

  @Test("Habitica: habits up and down, rhythms, the person's zone and day start, to-dos")
  func habiticaHabits() throws {
    let history = try ImportSupport.read(
      """
      {"preferences": {"timezoneOffset": -120, "dayStart": 4}, "tasks": [
        {"type": "habit", "text": "Push-ups", "up": true, "down": true, "history": [
          {"date": 1704067200000, "value": 1, "scoredUp": 3, "scoredDown": 0}, {"date": 1704196800000, "value": 0, "scoredUp": 0, "scoredDown": 1}]},
        {"type": "habit", "text": "Sweets", "up": false, "down": true, "history": [{"date": 1704196800000, "value": -1, "scoredUp": 0, "scoredDown": 2}]},
        {"type": "daily", "text": "Gym", "frequency": "weekly", "everyX": 1, "repeat": {"m": true, "t": false}, "history": []},
        {"type": "todo", "text": "Taxes"}]}
      """)
    // Midnight in UTC is 2 o'clock in this zone, before the day begins at 4.
    #expect(history.note("Push-ups", "2023-12-31") == "3 times")
    #expect((history.days("Push-ups"), history.days("Sweets")) == ("2023-12-31", ""))
    for line in [
      "Push-ups|2024-01-02|", "Sweets|2024-01-02|", "this is a failure to keep away from it",
      "Gym||||is to be done on 1 weekdays", "|||1|to-dos and rewards are no habits",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test("Habitica's history.csv: a day on which the score rose")
  func habiticaHistory() throws {
    let history = try ImportSupport.read(
      "Task Name,Task ID,Task Type,Date,Value\nRead,1,daily,2016-06-02 13:26:05,1\nRead,1,daily,2016-06-03 05:06:55,0.5\nRead,1,daily,2016-06-04 05:06:55,1.4\nRead,1\n"
    )
    #expect(history.days("Read") == "2016-06-02 2016-06-04")
    #expect(history.note("Read", "2016-06-02") == "13:26")
    #expect(history.told.contains("|line 5||the row is cut"))
  }

  @Test("Beaver Habits")
  func beaver() throws {
    let history = try ImportSupport.read(
      #"{"habits": [{"name": "Tea", "status": "archive", "records": [{"day": "2024-01-01", "done": true, "text": "green"}, {"day": "2024-01-02", "done": false, "text": "none"}]}]}"#
    )
    #expect(history.note("Tea", "2024-01-01") == "green")
    #expect(history.days("Tea") == "2024-01-01")
    #expect(history.habits[0].archived)
    #expect(history.told.contains("Tea|2024-01-02|records of Tea, entry 2|none|the note of a day that is not done"))
  }

  @Test("our own export, with a mark and sorted keys: habits, days, notes; deleted and undone entries are reported")
  func ownExport() throws {
    let history = try ImportSupport.read(
      """
      \u{FEFF}{"exportedAt": "2026-11-24T00:00:00Z", "habits": [
        {"id": "AAAA", "name": "Read", "description": "d", "color": 255, "archived": true}, {"id": "BBBB", "name": "Old", "deleted": true}],
       "ledger": [
        {"date": "2026-11-20", "cell": {"habitId": "AAAA", "day": 20777, "done": true, "note": "n", "trust": "CELL_TRUST_COUNTED"}},
        {"date": "2026-11-21", "cell": {"habitId": "AAAA", "day": 20778, "note": "undone"}},
        {"date": "2026-11-21", "cell": {"habitId": "BBBB", "day": 20778, "done": true}},
        {"date": "2026-11-21", "cell": {"habitId": "CCCC", "day": 20778, "done": true}}],
       "notices": [{}], "schemaVersion": 2, "userId": "AAAA"}
      """)
    #expect(history.source == .streakExport)
    #expect(history.habits.map(\.name) == ["Read"])
    #expect(history.habits[0].color == 255 && history.habits[0].archived)
    #expect(history.note("Read", "2026-11-20") == "n")
    #expect(history.days("Read") == "2026-11-20")
    for line in [
      "Read|2026-11-21|ledger, entry 2|undone|the note of a day that is not done", "Old|||1 days done|was deleted",
      "|ledger, entry 4|2026-11-21|the day belongs to no habit", "|notices|earlier states",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test("an unrelated database, and a damaged one")
  func databases() throws {
    let folder = TestFolder()
    try SQLiteDatabase(path: folder.file).execute("CREATE TABLE t (v)")
    #expect { try ImportedHistory(readingFile: folder.file) } throws: { "\($0)".contains("known kinds") }
  }
}
