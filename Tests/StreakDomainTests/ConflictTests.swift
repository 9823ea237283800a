@testable import StreakDomain
import TestSupport
import Testing

@Suite("Concurrent edits")
struct ConflictTests {
  private let phone = LedgerSample.phone
  private let tablet = LedgerSample.tablet
  private let habit = LedgerSample.habit

  @Test(
    "C80: of two concurrent notes the later wins, the other is in a conflict", arguments: [true, false])
  func notes(phoneIsLater: Bool) throws {
    var sample = LedgerSample()
    let before = sample.seen
    let times = [HybridTime(noon, counter: 1), HybridTime(noon, counter: 2)]
    let first = sample.tick(note: "rain", seen: before, time: times[phoneIsLater ? 1 : 0])
    let second = sample.tick(note: "sun", by: tablet, seen: before, time: times[phoneIsLater ? 0 : 1])
    #expect(first.status == .applied)
    // The operation's `done` wins; the notice contains the losing note.
    #expect(second.status == .applied)
    #expect(sample.cell()?.note == (phoneIsLater ? "rain" : "sun"))
    let notice = try #require(sample.notices.first)
    #expect(sample.notices.count == 1 && notice.kind == .noteConflict && !notice.isResolved)
    #expect(notice.winningValue == .text(phoneIsLater ? "rain" : "sun"))
    #expect(notice.losingValue == .text(phoneIsLater ? "sun" : "rain"))
    #expect(notice.losingDeviceID == (phoneIsLater ? tablet : phone))
    #expect(second.noticeID != nil)
  }

  @Test("C81: equal notes on both devices are no conflict, and neither is a note beside none")
  func noConflict() {
    var sample = LedgerSample()
    let before = sample.seen
    sample.tick(note: "rain", seen: before)
    #expect(sample.tick(note: "rain", by: tablet, seen: before).status == .applied)
    #expect(sample.tick(by: tablet, seen: before).status == .applied)
    #expect(sample.cell()?.note == "rain" && sample.notices.isEmpty)
  }

  @Test("an edit of a known value replaces it without a conflict, whatever the clocks say")
  func seen() {
    var sample = LedgerSample()
    sample.tick(note: "rain", time: HybridTime(noon))
    #expect(sample.tick(note: "sun", by: tablet, time: .zero).status == .applied)
    #expect(sample.cell()?.note == "sun" && sample.notices.isEmpty)
  }

  @Test("a device's own queue is in order although it does not know the outcomes")
  func ownQueue() {
    var sample = LedgerSample()
    let before = sample.seen
    sample.tick(note: "rain", seen: before)
    sample.tick(note: "sun", seen: before, time: .zero)
    sample.untick(seen: before)
    #expect(sample.cell() == CellContent(done: false, note: "sun", trust: .counted) && sample.notices.isEmpty)
  }

  @Test(
    "concurrent done and not done: done wins, in either order, and a notice has the other", arguments: [true, false])
  func doneWins(doneFirst: Bool) throws {
    var sample = LedgerSample()
    sample.tick()
    sample.untick()
    sample.tick()
    let before = sample.seen
    if doneFirst {
      sample.tick(note: "x", seen: before)
      #expect(sample.untick(by: tablet, seen: before).status == .superseded)
    } else {
      sample.untick(by: tablet, seen: before)
      #expect(sample.tick(note: "x", seen: before).status == .applied)
    }
    #expect(sample.cell()?.done == true && sample.cell()?.note == "x")
    let notice = try #require(sample.notices.first)
    #expect(
      notice.kind == .doneConflict && notice.winningValue == .flag(true)
        && notice.losingValue == .flag(false))
    #expect(notice.losingDeviceID == tablet)
  }

  @Test("C82: deleted on one device, done on another: kept and archived, in either order", arguments: [true, false])
  func deletedAndTicked(deletedFirst: Bool) throws {
    var sample = LedgerSample()
    sample.tick(today.advanced(by: -1))
    let before = sample.seen
    if deletedFirst {
      #expect(sample.apply(.deleteHabit(habit), seen: before).status == .applied)
      #expect(sample.ledger.habits[habit]?.isDeleted == true && sample.ledger.habitCount == 0)
      #expect(sample.tick(by: tablet, seen: before).status == .applied)
    } else {
      sample.tick(by: tablet, seen: before)
      #expect(sample.apply(.deleteHabit(habit), seen: before).status == .superseded)
    }
    let state = try #require(sample.ledger.habits[habit])
    #expect(!state.isDeleted && state.fields.archived && sample.ledger.habitCount == 1)
    #expect(state.summary.total == 2)
    #expect(sample.notices.map(\.kind) == [.deletionConflict])
    #expect((state.returnedVersion > 0) == deletedFirst)
  }

  @Test("a habit whose ticks the deleting device made or knew is deleted; its digest with all its days is gone")
  func deleted() {
    var sample = LedgerSample()
    sample.tick(by: tablet)
    sample.tick(today.advanced(by: -1), seen: sample.seen)
    #expect(sample.apply(.deleteHabit(habit)).status == .applied)
    #expect(sample.ledger.digest == .empty)
    #expect(sample.apply(.deleteHabit(habit)).status == .applied)
    #expect(sample.apply(.deleteHabit(Identifier(high: 5, low: 5))).rejection == .habitNotFound)
  }

  @Test("a tick two devices ago is not lost to a deletion that knew the last one only")
  func thirdDevice() {
    let watch = Identifier(high: 1, low: 3)
    var sample = LedgerSample(devices: [phone, tablet, watch])
    let before = sample.seen
    sample.tick(by: tablet, seen: before)
    sample.tick(today.advanced(by: -1), by: phone, seen: before)
    #expect(sample.apply(.deleteHabit(habit), by: phone, seen: before).status == .superseded)
  }

  @Test("concurrent edits of two fields both apply; of one field: the later wins, with a conflict")
  func fields() throws {
    var sample = LedgerSample()
    let before = sample.seen
    func edit(_ fields: HabitFields, _ changed: Set<HabitField>) -> Operation.Change {
      .editHabit(Operation.HabitEdit(habitID: habit, fields: fields, changed: changed))
    }
    let late = HybridTime(noon, counter: 9)
    sample.apply(edit(HabitFields(name: "run"), [.name]), seen: before, time: late)
    sample.apply(edit(HabitFields(name: "-", color: 7), [.color]), by: tablet, seen: before)
    #expect(sample.ledger.habits[habit]?.fields == HabitFields(name: "run", color: 7) && sample.notices.isEmpty)
    let outcome = sample.apply(
      edit(HabitFields(name: "swim"), [.name]), by: tablet, seen: before, time: HybridTime(noon))
    #expect(outcome.status == .superseded)
    let notice = try #require(sample.notices.first)
    #expect(
      notice.kind == .fieldConflict && notice.field == .name && notice.winningValue == .text("run")
        && notice.losingValue == .text("swim"))
  }

  @Test("a resolution states the chosen value and closes the conflict", arguments: [true, false])
  func resolve(takesLosing: Bool) throws {
    var sample = LedgerSample()
    let before = sample.seen
    sample.tick(note: "rain", seen: before, time: .zero)
    sample.tick(note: "sun", by: tablet, seen: before)
    let id = try #require(sample.ledger.notices.keys.first)
    let pick = Operation.Change.resolveConflict(Operation.Resolution(noticeID: id, takesLosing: takesLosing))
    #expect(sample.apply(pick).status == .applied)
    #expect(sample.cell()?.note == (takesLosing ? "rain" : "sun"))
    #expect(sample.ledger.notices[id]?.isResolved == true)
    #expect(sample.ledger.notices[id]?.winningValue == .text(takesLosing ? "rain" : "sun"))
    let unknown = Operation.Resolution(noticeID: Identifier(high: 0, low: 5), takesLosing: true)
    #expect(sample.apply(.resolveConflict(unknown)).rejection == .conflictNotFound)
  }

  @Test(
    "a kept day has the trust of the completion that it keeps, whichever arrives first",
    arguments: [true, false], [true, false])
  func keptTrust(isFirst: Bool, counts: Bool) {
    // Given: a device that was offline for long enough to claim the day, and one that was not.
    let (offline, watch) = (Identifier(high: 1, low: 8), Identifier(high: 1, low: 9))
    var sample = LedgerSample()
    for device in [offline, watch] { sample.ledger.register(deviceID: device, now: noon - 20 * dayMilliseconds) }
    let (author, keeper) = counts ? (offline, tablet) : (tablet, offline)
    let (before, day) = (sample.seen, today.advanced(by: -10))
    let completion = StatementID(source: author, seq: 1)
    let kept = Operation.Change.setCompletion(
      Operation.Completion(habitID: habit, day: day, done: true, clientTime: clientTime(day)))
    let choice = Operation.Change.resolveConflict(
      .init(noticeID: Identifier(high: 4, low: 4), takesLosing: false, statement: kept))
    if !isFirst { sample.tick(day, by: author, seen: before) }
    #expect(sample.apply(choice, by: keeper, seen: SeenStatements(before.last + [completion])).status == .applied)
    if isFirst { sample.tick(day, by: author, seen: before) }
    let trust: CellTrust = counts ? .counted : .quarantined(.backfill)
    #expect(sample.cell(day)?.trust == trust)
    // When: the completion itself is taken back.
    sample.untick(day, by: watch, seen: before, undone: [completion])
    #expect(sample.cell(day) == CellContent(done: true, note: "", trust: trust))
  }

  @Test("an edit states its fields and no others, also if it arrives before the habit", arguments: [true, false])
  func partialEdit(isFirst: Bool) {
    var sample = LedgerSample(habits: [])
    func edit(_ fields: HabitFields, _ changed: Set<HabitField>) -> Operation.Change {
      .editHabit(Operation.HabitEdit(habitID: habit, fields: fields, changed: changed))
    }
    func rename() {
      let known = SeenStatements([StatementID(source: phone, seq: 1)])
      let time = HybridTime(noon, counter: 3)
      sample.apply(edit(HabitFields(name: "run"), [.name]), by: tablet, seen: known, time: time)
    }
    if isFirst { rename() }
    let (made, coloured) = (HybridTime(noon, counter: 1), HybridTime(noon, counter: 2))
    sample.apply(edit(HabitFields(name: "read"), Set(HabitField.allCases)), seen: .nothing, time: made)
    sample.apply(edit(HabitFields(name: "-", color: 7), [.color]), seen: .nothing, time: coloured)
    if !isFirst { rename() }
    #expect(sample.ledger.habits[habit]?.fields == HabitFields(name: "run", color: 7))
    #expect(sample.notices.isEmpty)
  }

  @Test("a habit that a deletion has archived is taken out of the archive by a direct call, also a repeated one")
  func unarchived() {
    var sample = LedgerSample()
    let before = sample.seen
    let wanted = Operation.Change.editHabit(
      Operation.HabitEdit(habitID: habit, fields: HabitFields(name: "read"), changed: [.archived]))
    _ = sample.ledger.applyDirectly(wanted, by: phone, now: noon)
    sample.tick(by: tablet, seen: before)
    sample.apply(.deleteHabit(habit), seen: before)
    #expect(sample.ledger.habits[habit]?.fields.archived == true)
    #expect(sample.ledger.applyDirectly(wanted, by: phone, now: noon).status == .applied)
    #expect(sample.ledger.habits[habit]?.fields.archived == false)
  }

  @Test("C83: a habit made and deleted before any other device knew it leaves nothing visible")
  func madeAndDeleted() {
    var sample = LedgerSample(habits: [])
    let before = sample.seen
    sample.apply(.editHabit(Operation.HabitEdit(habitID: habit, fields: HabitFields(name: "x"))), seen: before)
    sample.tick(seen: before)
    sample.apply(.deleteHabit(habit), seen: before)
    #expect(sample.ledger.digest == .empty && sample.ledger.habitCount == 0)
  }

  @Test("as many habits as the limit can be made; one more is rejected until one is deleted")
  func habitLimit() {
    var sample = LedgerSample(habits: [], habitsMax: 2)
    func make(_ number: UInt64) -> OperationOutcome {
      sample.apply(
        .editHabit(Operation.HabitEdit(habitID: Identifier(high: 3, low: number), fields: HabitFields(name: "x"))))
    }
    #expect(make(1).status == .applied)
    #expect(make(2).status == .applied)
    #expect(make(3).rejection == .habitLimit)
    sample.apply(.deleteHabit(Identifier(high: 3, low: 1)))
    #expect(make(3).status == .applied)
    #expect(make(1).rejection == .habitLimit)
  }
}

@Suite("Clocks")
struct HybridTimeTests {
  @Test("a clock set back still gives later times (C88), and a device that knows a later time continues from it")
  func monotonic() {
    var clock = HybridClock()
    let first = clock.tick(at: Instant(milliseconds: 1_000))
    let second = clock.tick(at: Instant(milliseconds: 500))
    #expect(first < second && second.milliseconds == 1_000)
    clock.observe(HybridTime(milliseconds: 2_000, counter: .max))
    #expect(clock.tick(at: Instant(milliseconds: 600)) > HybridTime(milliseconds: 2_000, counter: .max))
    #expect(clock.tick(at: Instant(milliseconds: 3_000)) == HybridTime(milliseconds: 3_000))
    #expect(HybridTime(packed: .max).successor == HybridTime(packed: .max))
    #expect(HybridTime(milliseconds: -5) == .zero && HybridTime(milliseconds: .max).milliseconds == 1 << 48 - 1)
  }

  @Test("60 s ahead is accepted, more is ordered by the server, a day is refused (C85, C86)")
  func limits() {
    func ordered(_ ahead: Int64) -> HybridTime? {
      ClockRules(now: noon).ordered(HybridTime(noon + ahead, counter: 3))
    }
    #expect(ordered(60_000) == HybridTime(noon + 60_000, counter: 3))
    #expect(ordered(60_001) == HybridTime(noon))
    #expect(ordered(86_399_999) == HybridTime(noon))
    #expect(ordered(86_400_000) == nil)
    #expect(ordered(-noon.milliseconds) == HybridTime(milliseconds: 0, counter: 3))
  }

  @Test("C85: an hour ahead does not beat a later real edit")
  func hourAhead() {
    var sample = LedgerSample()
    let before = sample.seen
    sample.tick(note: "early", seen: before, time: HybridTime(noon + hour))
    sample.now = noon + 1_000
    let later = sample.tick(
      note: "late", by: LedgerSample.tablet, seen: before, time: HybridTime(sample.now))
    #expect(later.status == .applied && sample.cell()?.note == "late")
  }

  @Test("C86: 2099 is CLOCK_SKEW and has no effect; 1970 is ordered by causality")
  func centuries() {
    var sample = LedgerSample()
    let changeNumber = sample.ledger.changeNumber
    #expect(sample.tick(note: "x", time: HybridTime(milliseconds: 4_070_908_800_000)).rejection == .clockSkew)
    #expect(sample.ledger.changeNumber == changeNumber && sample.cell() == nil)
    #expect(sample.tick(note: "x", time: HybridTime(milliseconds: 0)).status == .applied)
    #expect(sample.tick(note: "y", by: LedgerSample.tablet, time: HybridTime(milliseconds: 0)).status == .applied)
    #expect(sample.cell()?.note == "y")
  }
}
