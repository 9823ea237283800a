@testable import StreakDomain
import TestSupport
import Testing

struct LedgerRestoreTests {
  private static let now = Instant(milliseconds: 1_780_315_200_000)
  private static let today = Day(Int32(now.milliseconds / 86_400_000))
  private static let firstDay = today.advanced(by: -365)
  private static let habitID = Identifier(high: 1, low: 1)

  private static func clientTime(_ day: Day) -> ClientTime {
    ClientTime(occurredAt: Instant(milliseconds: Int64(day.number) * 86_400_000), zone: "UTC", utcOffsetSeconds: 0)
  }

  private static func cell(
    _ ago: Int, done: Bool = true, note: String = "", trust: CellTrust = .counted
  ) -> SavedLedger.Cell {
    let day = today.advanced(by: -ago)
    return SavedLedger.Cell(
      key: CellKey(habitID: habitID, day: day), cell: CellContent(done: done, note: note, trust: trust),
      clientTime: clientTime(day), recordedAt: now)
  }

  private static func saved(_ cells: [SavedLedger.Cell], isDeleted: Bool = false) -> SavedLedger {
    var saved = SavedLedger()
    saved.habits = [
      HabitEntry(
        id: habitID, fields: HabitFields(name: "Read"), createdAt: Instant(milliseconds: 5), isDeleted: isDeleted)
    ]
    saved.cells = cells
    return saved
  }

  private static func restore(
    _ saved: SavedLedger, into ledger: inout PersonLedger, isExempt: Bool = true
  ) -> [RestoredHabit]? {
    let before = ledger
    defer { ledger.readFullHabits(from: before) }
    return ledger.restore(
      saved, by: StatementID(.recovery, Identifier(high: 9, low: UInt64(ledger.changeNumber))), isExempt: isExempt,
      now: now)
  }

  /// The digest recomputed from the content.
  private static func digest(_ ledger: PersonLedger) -> StateDigest {
    var digest = StateDigest.empty
    for (id, habit) in ledger.habits where !habit.isDeleted {
      digest += HabitState.itemDigest(habitID: id, habit.fields)
      for (key, state) in ledger.cells where key.habitID == id { digest += CellState.itemDigest(key, state.cell) }
    }
    return digest
  }

  @Test("into an empty account everything returns unchanged, quarantine included, and a second time changes nothing")
  func intoEmpty() throws {
    let saved = Self.saved([
      Self.cell(40, trust: .quarantined(.tooOld)), Self.cell(1, note: "n"), Self.cell(0), Self.cell(3, done: false),
    ])
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay)
    let first = try #require(Self.restore(saved, into: &ledger))
    #expect(first[0].returns && first[0].daysReturning.count == 4)
    #expect(ledger.habits[Self.habitID]?.summary.total == 2 && ledger.changeNumber == 1)
    #expect(ledger.digest == Self.digest(ledger))
    #expect(ledger.cells[saved.cells[0].key]?.cell == saved.cells[0].cell)
    ledger.commit()
    let again = try #require(Self.restore(saved, into: &ledger))
    #expect(!again[0].isTouched && ledger.changes.isEmpty && ledger.changeNumber == 1)
  }

  @Test("a device that has a restored day knows its note, also one that a migration made: another note is no conflict")
  func knownNote() throws {
    var saved = Self.saved([Self.cell(0, note: "before")])
    saved.cells[0].migrationID = Identifier(high: 5, low: 5)
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay)
    let device = Identifier(high: 7, low: 7)
    ledger.register(deviceID: device, now: Self.now)
    _ = try #require(Self.restore(saved, into: &ledger))
    ledger.commit()
    let note = Operation.Note(
      habitID: Self.habitID, day: Self.today, text: "after", clientTime: Self.clientTime(Self.today))
    let operation = Operation(
      seq: 1, time: HybridTime(Self.now), seen: ledger.sources.seen(by: device), change: .setNote(note))
    #expect(ledger.apply(operation, by: device, now: Self.now).status == .applied)
    #expect(ledger.notices.isEmpty && ledger.cells[saved.cells[0].key]?.cell.note == "after")
  }

  @Test("a document brings the day start, and its notices close with a choice", arguments: [true, false])
  func document(isStated: Bool) throws {
    let notice = Identifier(high: 8, low: 8)
    var saved = Self.saved([Self.cell(0, note: "kept")])
    saved.dayStartMinutes = 240
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay)
    let device = Identifier(high: 7, low: 7)
    ledger.register(deviceID: device, now: Self.now)
    let open = Notice(
      kind: .noteConflict, habitID: Self.habitID, day: Self.today, winningValue: .text("kept"),
      losingValue: .text("other"), losingDeviceID: nil, madeAt: Self.now, version: 1)
    let fits = ledger.takeAll(
      of: saved, by: StatementID(.document, Identifier(high: 9, low: 9)), isExempt: true, notices: [(notice, open)],
      above: 0, now: Self.now)
    #expect(fits)
    #expect(ledger.settings.dayStartMinutes == 240)
    var digest = Self.digest(ledger)
    digest += AccountSettings.itemDigest(dayStartMinutes: 240)
    #expect(ledger.digest == digest)
    ledger.commit()
    let note = Operation.Note(
      habitID: Self.habitID, day: Self.today, text: "other", clientTime: Self.clientTime(Self.today))
    let choice = Operation.Resolution(
      noticeID: notice, takesLosing: true, statement: isStated ? .setNote(note) : nil)
    let operation = Operation(
      seq: 1, time: HybridTime(Self.now), seen: ledger.sources.seen(by: device), change: .resolveConflict(choice))
    let outcome = ledger.apply(operation, by: device, now: Self.now)
    #expect(outcome.status == .applied && outcome.changeNumber == ledger.changeNumber)
    #expect(ledger.notices[notice]?.isResolved == true && ledger.cells[saved.cells[0].key]?.cell.note == "other")
  }

  @Test("existing data stays: other notes are offered, lost ones return, undone days are done again")
  func union() throws {
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay)
    _ = Self.restore(
      Self.saved([Self.cell(0, note: "present"), Self.cell(1, done: false), Self.cell(2, note: ""), Self.cell(5)]),
      into: &ledger)
    ledger.commit()
    let outcome = try #require(
      Self.restore(
        Self.saved([Self.cell(0, note: "backup"), Self.cell(1), Self.cell(2, note: "lost"), Self.cell(3)]),
        into: &ledger))[0]
    func day(_ ago: Int) -> Day { Self.today.advanced(by: -ago) }
    #expect(outcome.daysConflicting == [day(0)] && outcome.daysReturning == [day(3)])
    #expect(Set(outcome.daysChanging) == [day(1), day(2)])
    #expect(ledger.cells[Self.cell(0).key]?.cell.note == "present")
    #expect(ledger.cells[Self.cell(1).key]?.cell.done == true && ledger.cells[Self.cell(2).key]?.cell.note == "lost")
    #expect(ledger.cells[Self.cell(5).key]?.cell.done == true)
    #expect(Set(ledger.notices.values.map(\.kind)) == [.noteConflict, .doneConflict])
    #expect(ledger.digest == Self.digest(ledger))
    #expect(ledger.changes.cells.values.count(where: \.isReplacement) == 3)
  }

  @Test("a deleted habit returns unchanged, and one more habit than the limit is refused")
  func deleted() throws {
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay, habitsMax: 1)
    _ = Self.restore(Self.saved([Self.cell(0)], isDeleted: true), into: &ledger)
    #expect(ledger.habitCount == 0 && ledger.digest == .empty)
    ledger.commit()
    let outcome = try #require(Self.restore(Self.saved([Self.cell(0)]), into: &ledger))[0]
    #expect(outcome.returns && ledger.habits[Self.habitID]?.returnedVersion == ledger.changeNumber)
    #expect(ledger.digest == Self.digest(ledger) && ledger.habitCount == 1)
    var other = Self.saved([])
    other.habits[0].id = Identifier(high: 2, low: 2)
    #expect(Self.restore(other, into: &ledger) == nil)
  }

  @Test("rows that were lost otherwise are counted anew, so that returning rows are not counted twice")
  func recount() {
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay)
    _ = Self.restore(Self.saved([Self.cell(0), Self.cell(1)]), into: &ledger)
    ledger.commit()
    var damaged = PersonLedger(
      epoch: Epoch(number: 1), firstDay: Self.firstDay, changeNumber: 1, digest: ledger.digest, habitCount: 1)
    if let habit = ledger.habits[Self.habitID] { damaged.load(habit: habit, id: Self.habitID) }
    damaged.recount([:])
    #expect(damaged.habits[Self.habitID]?.summary.total == 0)
    _ = Self.restore(Self.saved([Self.cell(0), Self.cell(1)]), into: &damaged)
    #expect(damaged.digest == ledger.digest && damaged.digest == Self.digest(damaged))
    #expect(damaged.habits[Self.habitID]?.summary == ledger.habits[Self.habitID]?.summary)
  }

  @Test("a digest that is wrong by a day that does not count is corrected, as a change of its own")
  func recountUncounted() {
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay)
    _ = Self.restore(Self.saved([Self.cell(0), Self.cell(1, done: false)]), into: &ledger)
    ledger.commit()
    var damaged = PersonLedger(
      epoch: Epoch(number: 1), firstDay: Self.firstDay, changeNumber: 1, digest: ledger.digest, habitCount: 1)
    if let habit = ledger.habits[Self.habitID] { damaged.load(habit: habit, id: Self.habitID) }
    let left = Self.cell(0)
    let count = (CellState.itemDigest(left.key, left.cell), StreakSummary(countedDays: [left.key.day]), 0)
    damaged.recount([Self.habitID: count])
    #expect(!damaged.changes.isEmpty && !damaged.changes.isVisible && damaged.digest != ledger.digest)
    damaged.finishChange(now: Self.now) { Identifier(high: 1, low: 1) }
    #expect(damaged.changeNumber == 2)
    damaged.commit()
    damaged.recount([Self.habitID: count])
    #expect(damaged.changes.isEmpty)
  }

  @Test("a document's change is later than all of its versions, and its notices are imported with it")
  func document() {
    var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: Self.firstDay)
    let notice = Notice(
      kind: .noteConflict, habitID: Self.habitID, winningValue: .text("a"), losingValue: .text("b"),
      losingDeviceID: nil,
      madeAt: Instant(milliseconds: 1),
      version: 70)
    let id = Identifier(high: 3, low: 3)
    let fits = ledger.takeAll(
      of: Self.saved([Self.cell(0)]), by: StatementID(.document, id), isExempt: true, notices: [(id, notice)],
      above: 99, now: Self.now)
    #expect(fits && ledger.changeNumber == 100 && ledger.notices[id]?.version == 100)
    #expect(ledger.zones.today(now: Self.now) == Self.today)
  }
}
