@testable import StreakDomain
import TestSupport
import Testing

@Suite("An import that the server has lost") struct LostImportTests {
  private static let (read, gone) = (Identifier(high: 3, low: 1), Identifier(high: 3, low: 2))
  private static let document = StatementID(.document, Identifier(high: 9, low: 9))
  private static let saved: SavedLedger = {
    var saved = SavedLedger()
    saved.habits = [
      HabitEntry(id: read, fields: HabitFields(name: "Read"), createdAt: noon - dayMilliseconds, isDeleted: false),
      HabitEntry(id: gone, fields: HabitFields(name: "Gone"), createdAt: noon, isDeleted: false),
    ]
    saved.cells = [day(read, 2), day(read, 1, note: "kept"), day(read, 0, note: "other"), day(gone, 0)]
    return saved
  }()

  private static func day(_ habitID: Identifier, _ ago: Int, note: String = "") -> SavedLedger.Cell {
    let day = today.advanced(by: -ago)
    return SavedLedger.Cell(
      key: CellKey(habitID: habitID, day: day), cell: CellContent(done: true, note: note, trust: .counted),
      clientTime: clientTime(day), recordedAt: noon)
  }

  private static func takeDocument(into sample: inout LedgerSample) {
    let before = sample.ledger
    #expect(before.habits.isEmpty || before.hasLost(saved, by: document))
    let fits = sample.ledger.takeAll(
      of: saved, by: document, isExempt: true, notices: [], above: 0, now: sample.now)
    #expect(fits)
    sample.ledger.readFullHabits(from: before)
    sample.ledger.commit()
  }

  /// What a device knew is stated first.
  private static func restate(in sample: inout LedgerSample) {
    for habit in saved.habits {
      sample.ledger.restate(SyncChanges.Habit(id: habit.id, fields: habit.fields), now: sample.now)
    }
    sample.ledger.commit()
  }

  /// The operations that two devices made after the import, sent again.
  private static func resend(by device: Identifier, to sample: inout LedgerSample, seen: SeenStatements) {
    restate(in: &sample)
    guard device == LedgerSample.phone else {
      sample.apply(
        .setNote(
          Operation.Note(
            habitID: read, day: today.advanced(by: -1), text: "", clientTime: clientTime(today.advanced(by: -1)))),
        by: device, seen: seen)
      let edit = Operation.HabitEdit(habitID: read, fields: HabitFields(name: "Read more"), changed: [.name])
      sample.apply(.editHabit(edit), by: device, seen: seen)
      return
    }
    let undo = Operation.Completion(
      habitID: read, day: today, done: false, clientTime: clientTime(today), undone: [document])
    sample.apply(.setCompletion(undo), by: device, seen: seen)
    sample.apply(.deleteHabit(gone), by: device, seen: seen)
  }

  @Test(
    "it comes back beside what devices state again: every order ends alike, and what devices did knowing it holds",
    arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
  func everyOrder(order: [Int]) throws {
    var first = LedgerSample(habits: [])
    Self.takeDocument(into: &first)
    let seen = first.seen
    var sample = LedgerSample(habits: [])
    for step in order {
      switch step {
      case 0: Self.takeDocument(into: &sample)
      case 1: Self.resend(by: LedgerSample.phone, to: &sample, seen: seen)
      default: Self.resend(by: LedgerSample.tablet, to: &sample, seen: seen)
      }
    }
    let ledger = sample.ledger
    let cells = Self.saved.cells.map { ledger.cells[$0.key]?.cell }
    #expect(cells.map { $0?.done } == [true, true, false, true])
    #expect(cells.map { $0?.note } == ["", "", "other", ""])
    let habit = try #require(ledger.habits[Self.read])
    #expect(habit.fields == HabitFields(name: "Read more") && habit.createdAt == noon - dayMilliseconds)
    #expect(habit.summary.total == 2)
    #expect(ledger.habits[Self.gone]?.isDeleted == true && ledger.habitCount == 1)
    var digest = HabitState.itemDigest(habitID: Self.read, habit.fields)
    for (key, state) in ledger.cells where key.habitID == Self.read { digest += CellState.itemDigest(key, state.cell) }
    #expect(ledger.digest == digest && ledger.notices.isEmpty)
  }

  @Test("an account that made a habit itself has lost no import, unless a statement about it knew the import")
  func isNotLost() {
    var sample = LedgerSample(habits: [Self.read])
    sample.tick(habit: Self.read)
    #expect(!sample.ledger.hasLost(Self.saved, by: Self.document))
    sample.apply(
      .editHabit(Operation.HabitEdit(habitID: Self.read, fields: HabitFields(name: "more"), changed: [.name])),
      seen: SeenStatements([Self.document]))
    #expect(sample.ledger.hasLost(Self.saved, by: Self.document))
    var other = LedgerSample(habits: [])
    Self.restate(in: &other)
    #expect(other.ledger.hasLost(Self.saved, by: Self.document))
  }
}
