@testable import StreakServices
import StreakDomain
import StreakStore
import Testing

struct CellDecisionTests {
  private static let today: Int32 = 20_605
  private static let habitID = Identifier.random()

  private static func cell(day: Int32, done: Bool = true, note: String = "") -> CellRecord {
    CellRecord(
      habitID: habitID, day: day, done: done, note: note, quarantineReason: 0, version: 0,
      made: LocalTimeRecord(
        occurredAt: Moment(seconds: Int64(day) * 86_400 + 43_200), zone: "UTC", utcOffsetSeconds: 0,
        dayStartMinutes: 0), recordedAt: Moment(seconds: Int64(today) * 86_400 + 50_000), deviceID: nil,
      migrationID: nil)
  }

  private static func state(_ cell: CellRecord? = nil, summary: StreakSummary? = StreakSummary(countedDays: []))
    -> LedgerState
  {
    LedgerState(
      changeNumber: 1, zoneUses: [], summary: summary, habitIsArchived: false, cell: cell)
  }

  @Test(
    "a connected device's completion counts up to two days back (C105), and is too old past thirty (C65)",
    arguments: [(0, 0), (2, 0), (3, 4), (30, 4), (31, 3)] as [(Int32, Int32)])
  func trust(age: Int32, reason: Int32) throws {
    let change = try CellDecision.record(Self.cell(day: Self.today - age), Self.state()).get()
    #expect(change?.cell.quarantineReason == reason)
  }

  @Test("the same completion again changes nothing, and another note does not change its trust")
  func again() throws {
    let stored = Self.cell(day: Self.today - 10, note: "a")
    #expect(try CellDecision.record(stored, Self.state(stored)).get() == nil)
    let change = try CellDecision.record(Self.cell(day: Self.today - 10, note: "b"), Self.state(stored)).get()
    #expect(change?.cell.quarantineReason == 0 && change?.cell.note == "b")
  }

  @Test("undoing keeps the note, and is refused past thirty days or where there is nothing (C68)")
  func undo() throws {
    let stored = Self.cell(day: Self.today - 30, note: "a")
    let change = try CellDecision.undo(Self.cell(day: stored.day, done: false), Self.state(stored)).get()
    #expect(change?.cell.done == false && change?.cell.note == "a")
    func refusal(_ day: Int32, _ state: LedgerState) -> Refusal? {
      switch CellDecision.undo(Self.cell(day: day, done: false), state) {
      case .success: nil
      case .failure(let refused): refused.refusal
      }
    }
    #expect(refusal(Self.today - 31, Self.state(Self.cell(day: Self.today - 31))) == .daySealed)
    #expect(refusal(Self.today, Self.state()) == .cellNotFound)
    #expect(refusal(Self.today, Self.state(summary: nil)) == .habitNotFound)
  }
}
