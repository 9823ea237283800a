import StreakClient
import StreakDomain
import Testing

@Suite("Import: amounts and times beside a value")
struct ImportAmountTests {
  @Test("a list with both a value and an amount loses neither")
  func both() throws {
    let history = try ImportSupport.read(
      """
      habit,date,done,amount
      A,2024-01-01,yes,5
      A,2024-01-02,1,6
      A,2024-01-03,no,7
      A,2024-01-04,,8
      A,2024-01-05,yes,much
      A,2024-01-06,yes,0
      A,2024-01-07,skip,9
      A,2024-01-08,yes,
      """)
    #expect(history.days("A") == "2024-01-01 2024-01-02 2024-01-04 2024-01-05 2024-01-06 2024-01-08")
    #expect((history.note("A", "2024-01-01"), history.note("A", "2024-01-02")) == ("5", "6"))
    #expect((history.note("A", "2024-01-04"), history.note("A", "2024-01-08")) == ("8", ""))
    for line in [
      "A||line 4|7|the row says that it is not done; its amount is not kept",
      "A||line 6|much|this is no amount; the row is taken as done",
      "A||line 7|0|the row is marked as done and has the amount 0; it is taken as done",
      "A||line 8|9|the row says that it is not done; its amount is not kept",
    ] { #expect(history.told.contains(line), "\(line)\n\(history.told)") }
  }

  @Test("a time that cannot be read is listed")
  func time() throws {
    let history = try ImportSupport.read(
      "habit,date,time\nA,2024-01-01,morning\nA,2024-01-02,08:30\nA,2024-01-03,00:00\n")
    #expect(history.note("A", "2024-01-02") == "08:30")
    #expect(history.told.contains("A||line 2|morning|its time of day is not kept"))
    #expect(!history.told.contains("line 4"))
  }

  @Test("two different records of a day: amounts, times and contradictions are kept or listed")
  func twoRecords() throws {
    let header = "HabitName,HabitDescription,HabitCategory,CalendarDate,Value,CommentText\n"
    let history = try ImportSupport.read(
      header
        + """
        A,,,2024-01-01 08:30,3,
        A,,,2024-01-01 20:00,5,
        A,,,2024-01-02,1,
        A,,,2024-01-02,0,
        A,,,2024-01-03 08:00,1,
        A,,,2024-01-03 09:00,1,
        """)
    #expect(history.note("A", "2024-01-01") == "8 in 2 entries: 08:30, 20:00")
    #expect(history.days("A") == "2024-01-01 2024-01-02 2024-01-03")
    #expect(history.told.contains("A|2024-01-02|line 4, line 5||one row says done and another not done"))
    #expect(history.told.contains("A|2024-01-03|line 7|09:00|says the same as a row before it"))
  }

  @Test(
    "two rows of a list that contradict each other are listed", arguments: [("1", "0"), ("yes", "no"), ("x", "0")])
  func contradiction(done: String, undone: String) throws {
    let history = try ImportSupport.read(
      "habit,date,value\nA,2024-01-01,\(done)\nA,2024-01-01,\(undone)\nA,2024-01-02,\(done)\n")
    #expect(history.days("A") == "2024-01-01 2024-01-02")
    #expect(history.told == "A|2024-01-01|line 2, line 3||one row says done and another not done")
  }

  @Test("Habitica: downs beside ups are kept in the note, and one down does not undo the day's ups")
  func habitica() throws {
    let history = try ImportSupport.read(
      """
      {"tasks": [{"type": "habit", "text": "A", "up": true, "down": true, "history": [
        {"date": 1704110400000, "value": 1, "scoredUp": 3, "scoredDown": 2},
        {"date": 1704196800000, "value": 2, "scoredUp": 1, "scoredDown": 0},
        {"date": 1704200400000, "value": 1, "scoredUp": 0, "scoredDown": 1},
        {"date": 1704283200000, "value": 0, "scoredUp": 0, "scoredDown": 4}]},
       {"type": "habit", "text": "B", "up": false, "down": true, "history": [
        {"date": 1704110400000, "value": -1, "scoredUp": 0, "scoredDown": 2}]}]}
      """)
    #expect(history.note("A", "2024-01-01") == "scored down 2 times (3 times)")
    #expect(history.note("A", "2024-01-02") == "scored down 1 times (1 times)")
    #expect(history.told.contains("A|2024-01-03|history of A, entry 4|scored down 4 times|"))
    #expect(history.told.contains("B|2024-01-01|history of B, entry 1|2 times|this is a failure to keep away"))
  }
}
