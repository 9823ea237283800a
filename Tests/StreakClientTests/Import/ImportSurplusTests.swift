import StreakClient
import StreakDomain
import Testing

@Suite("Import of text: fields beyond the header")
struct ImportSurplusTests {
  @Test(
    "a comma in an unquoted note of the last column splits nothing off",
    arguments: [
      ("habit,date,note\nA,2024-01-01,cold, dark,,\n", "cold, dark"),
      (
        "HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText\nA,,,2024-01-01,1,cold, dark\n",
        "cold, dark"
      ),
      ("Date,A,Note\n2024-01-01,x,cold, dark\n", "cold, dark"),
      ("habit;date;note\nA;2024-01-01;a;b\n", "a;b"),
      ("habit,date,note\nA,2024-01-01, \"flu, in bed\"\n", "flu, in bed"),
      ("habit,date,note\nA,2024-01-01, \"flu\" in bed\n", "\"flu\" in bed"),
    ])
  func notes(text: String, note: String) throws {
    let history = try ImportSupport.read(text)
    #expect(history.note("A", "2024-01-01") == note)
    #expect(history.remarks.isEmpty, "\(history.told)")
  }

  @Test(
    "what is no part of a note is listed: a column without a name behind it, and a field behind a quoted one",
    arguments: [
      ("habit,date,note,\nA,2024-01-01,n,x\n", "n"), ("habit,date,note,\nA,2024-01-01,n,m,x\n", "n,m"),
      ("habit,date,note,,\nA,2024-01-01,n,,x\n", "n"), ("habit,date,note\nA,2024-01-01,\"n\",x\n", "n"),
      ("habit,date,note\nA,2024-01-01,,x\n", ""),
      ("HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText,\nA,,,2024-01-01,1,n,x\n", "n"),
    ])
  func listed(text: String, note: String) throws {
    let history = try ImportSupport.read(text)
    #expect(history.note("A", "2024-01-01") == note)
    #expect(history.told.contains("A||line 2|x|the row has more fields than the header"), "\(history.told)")
  }

  @Test("a column that a reader does not know is listed")
  func unknownColumns() throws {
    let history = try ImportSupport.read(
      "HabitName,HabitCategory,CalendarDate,Value,Mood\nA,,2024-01-01,1,good\nA,,2024-01-02,1,\n")
    #expect(history.told.contains("|||Mood, 1 values|a column is not kept"))
    let list = try ImportSupport.read("habit,date,,note\nA,2024-01-01,lost?,n\n")
    #expect(list.told.contains("|||1 values|column 3 has no name and is not taken"))
  }

  @Test("Loop's file of one habit: an unquoted comma in a note")
  func loop() throws {
    let options = ImportOptions(habitName: "A", clock: TestClock())
    let history = try ImportSupport.read("Date,Value,Notes\n2024-01-01,YES_MANUAL,cold, dark\n", options)
    #expect(history.note("A", "2024-01-01") == "cold, dark")
    let short = try ImportSupport.read("Date,Value\n2024-01-01,YES_MANUAL,cold\n", options)
    #expect(short.told.contains("A||line 2|cold|the row has more fields than the header"))
  }

  @Test(
    "if the last column is no note, the surplus is listed",
    arguments: [
      "habit,note,date\nA,n,2024-01-01,cold\n",
      "HabitName,HabitCategory,CommentText,CalendarDate,Value\nA,,n,2024-01-01,1,cold\n",
      "Task Name,Task ID,Task Type,Date,Value\nA,1,daily,2024-01-01,1,cold\n",
    ])
  func surplus(text: String) throws {
    let history = try ImportSupport.read(text)
    #expect(history.days("A") == "2024-01-01")
    #expect(history.told.contains("A||line 2|cold|the row has more fields than the header"), "\(history.told)")
  }
}
