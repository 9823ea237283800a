@testable import StreakDomain
import Testing
import TestSupport

@Suite("What counts, and what can be undone")
struct RecordingTests {
  @Test(
    "C105: from a caught-up device, up to two days before today count, earlier ones are BACKFILL, past 30 TOO_OLD",
    arguments: [
      (0, .counted), (1, .counted), (2, .counted), (3, .quarantined(.backfill)), (5, .quarantined(.backfill)),
      (30, .quarantined(.backfill)), (31, .quarantined(.tooOld)),
    ] as [(Int, CellTrust)])
  func backfill(age: Int, trust: CellTrust) {
    var sample = LedgerSample()
    let day = today.advanced(by: -age)
    #expect(sample.tick(day).trust == trust)
    #expect(sample.cell(day)?.trust == trust)
  }

  @Test(
    "C62, C65: from a device that was offline since then, 30 days late counts, 31 days late is TOO_OLD",
    arguments: [(2, .counted), (30, .counted), (31, .quarantined(.tooOld))] as [(Int, CellTrust)])
  func offline(age: Int, trust: CellTrust) {
    var sample = LedgerSample(caughtUpDaysAgo: Int64(age))
    #expect(sample.tick(today.advanced(by: -age)).trust == trust)
  }

  @Test("a device may claim the day before it was caught up, and nothing earlier")
  func caughtUpEdge() {
    var sample = LedgerSample(caughtUpDaysAgo: 10)
    #expect(sample.tick(today.advanced(by: -11)).trust == .counted)
    #expect(sample.tick(today.advanced(by: -12)).trust == .quarantined(.backfill))
  }

  @Test("a device that was offline may claim as many days as have passed, and two more: the next is ZONE_HOP")
  func allowance() {
    var sample = LedgerSample(caughtUpDaysAgo: 3)
    let kiritimati = ClientTime(occurredAt: noon, zone: "Pacific/Kiritimati", utcOffsetSeconds: 50_400)
    for ago in [4, 3, 2, 1, 0] { #expect(sample.tick(today.advanced(by: -ago)).trust == .counted) }
    #expect(sample.tick(today.advanced(by: 1), clientTime: kiritimati).trust == .quarantined(.zoneHop))
    // A day claimed before costs nothing more.
    sample.apply(
      .editHabit(Operation.HabitEdit(habitID: Identifier(high: 2, low: 2), fields: HabitFields(name: "run"))))
    #expect(sample.tick(habit: Identifier(high: 2, low: 2)).trust == .counted)
  }

  @Test("C54: changing between the ends of the world every hour gains no more than the allowance")
  func zoneHop() {
    var sample = LedgerSample()
    var counted: Set<Day> = []
    var hops: [CellTrust] = []
    for hop in 0..<96 {
      sample.now = noon + Int64(hop) * hour
      let offset: Int32 = hop % 2 == 0 ? 50_400 : -43_200
      for ago in [0, dayMilliseconds] {
        let here = ClientTime(occurredAt: sample.now - ago, zone: "x", utcOffsetSeconds: offset)
        guard let trust = sample.tick(here.day, clientTime: here).trust else { continue }
        hops.append(trust)
        if trust == .counted { counted.insert(here.day) }
      }
    }
    // 95 hours later: with the 14 hours of travel four whole days have passed.
    #expect(counted.count <= 4 + BackfillAllowance.spareDays)
    #expect(hops.contains(.quarantined(.zoneHop)))
  }

  @Test("a long queue in several batches is one catch-up; an empty queue starts another")
  func batches() {
    var sample = LedgerSample(caughtUpDaysAgo: 10)
    #expect(sample.tick(today.advanced(by: -9)).trust == .counted)
    sample.finishChange()
    #expect(sample.tick(today.advanced(by: -8)).trust == .counted)
    sample.ledger.finishBackfill(of: LedgerSample.phone, now: sample.now)
    #expect(sample.tick(today.advanced(by: -7)).trust == .quarantined(.backfill))
    #expect(sample.tick(today).trust == .counted)
  }

  @Test("a day that a device entered afterwards counts if another device had recorded it in time")
  func raisedByAnother() {
    var sample = LedgerSample(devices: [LedgerSample.phone])
    sample.ledger.register(deviceID: LedgerSample.tablet, now: noon - 10 * dayMilliseconds)
    let day = today.advanced(by: -5)
    #expect(sample.tick(day).trust == .quarantined(.backfill))
    #expect(sample.tick(day, note: "again").trust == .quarantined(.backfill))
    #expect(sample.tick(day, note: "again", by: LedgerSample.tablet).trust == .counted)
    #expect(sample.streak?.total == 1)
  }

  @Test("a statement is judged by the date in its own offset: taps in other zones have no influence")
  func ownOffset() {
    var sample = LedgerSample()
    // 01:00Z: still yesterday five hours west
    sample.now = Instant(milliseconds: Int64(today.number) * dayMilliseconds + hour)
    let west = ClientTime(occurredAt: sample.now, zone: "x", utcOffsetSeconds: -18_000)
    sample.tick(today.advanced(by: -1), clientTime: west)
    #expect(sample.tick(today.advanced(by: -3)).trust == .quarantined(.backfill))
    let thirdDayWest = ClientTime(
      occurredAt: sample.now - 2 * dayMilliseconds, zone: "x", utcOffsetSeconds: -18_000)
    #expect(sample.tick(today.advanced(by: -3), by: LedgerSample.tablet, clientTime: thirdDayWest).trust == .counted)
  }

  @Test("C57: another day start changes the next day, not recorded ones")
  func dayStartChanges() {
    var sample = LedgerSample()
    sample.now = Instant(milliseconds: Int64(today.number) * dayMilliseconds + 2 * hour)
    func tapped(_ dayStart: Int32) -> ClientTime {
      ClientTime(occurredAt: sample.now, zone: "x", utcOffsetSeconds: 0, dayStartMinutes: dayStart)
    }
    #expect(sample.tick(clientTime: tapped(0)).status == .applied)
    let before = sample.cell()
    #expect(sample.tick(today.advanced(by: -1), clientTime: tapped(240)).status == .applied)
    #expect(sample.cell() == before)
  }

  @Test("a day that is today somewhere on Earth is accepted, the next is FUTURE_DAY")
  func future() {
    var sample = LedgerSample()
    let tomorrow = today.advanced(by: 1)
    let kiritimati = ClientTime(occurredAt: noon, zone: "Pacific/Kiritimati", utcOffsetSeconds: 50_400)
    #expect(sample.tick(tomorrow, clientTime: kiritimati).status == .applied)
    #expect(sample.tick(today.advanced(by: 2)).rejection == .futureDay)
  }

  @Test("five minutes of slack: at the limit accepted, a millisecond past it refused", arguments: [0, 1] as [Int64])
  func slack(past: Int64) {
    let dayAfter = today.advanced(by: 1)
    let begins = Instant(milliseconds: Int64(dayAfter.number) * dayMilliseconds - 50_400_000)  // at UTC+14
    let now = begins - DayRules.futureSlackMilliseconds - past
    let rejection = DayRules.rejection(day: dayAfter, clientTime: clientTime(dayAfter), now: now)
    #expect(rejection == (past == 0 ? nil : .futureDay))
  }

  @Test("a day that does not match its moment is DAY_MISMATCH")
  func mismatch() {
    var sample = LedgerSample()
    #expect(sample.tick(today.advanced(by: -1), clientTime: clientTime(today)).rejection == .dayMismatch)
    #expect(sample.cell(today.advanced(by: -1)) == nil)
  }

  @Test("C74: unknown zone names pass, offsets and days out of range do not")
  func malformed() {
    #expect(DayRules.rejection(day: today, clientTime: clientTime(today, zone: "Mars/Base"), now: noon) == nil)
    #expect(DayRules.rejection(day: today, clientTime: clientTime(today, zone: ""), now: noon) == .invalidField)
    #expect(DayRules.rejection(day: today, clientTime: clientTime(today, offset: 50_401), now: noon) == .invalidField)
    #expect(DayRules.rejection(day: today, clientTime: clientTime(today, offset: -43_201), now: noon) == .invalidField)
    #expect(DayRules.rejection(day: today, clientTime: clientTime(today, dayStart: 1_440), now: noon) == .invalidField)
    #expect(DayRules.rejection(day: Day(10_956), clientTime: clientTime(Day(10_956)), now: noon) == .invalidField)
    #expect(DayRules.rejection(day: Day(10_957), clientTime: clientTime(Day(10_957)), now: noon) == nil)
    #expect(DayRules.rejection(day: Day(.max), clientTime: clientTime(today), now: noon) == .invalidField)
  }

  @Test("C66, C68: undo keeps the note; a day older than 30 days is sealed")
  func undo() {
    var sample = LedgerSample(caughtUpDaysAgo: 30)
    sample.tick(today.advanced(by: -30), note: "kept")
    #expect(sample.untick(today.advanced(by: -30)).status == .applied)
    #expect(sample.cell(today.advanced(by: -30)) == CellContent(done: false, note: "kept", trust: .counted))
    #expect(sample.untick(today.advanced(by: -30)).status == .applied)
    sample.tick(today.advanced(by: -31), note: "kept")
    #expect(sample.untick(today.advanced(by: -31)).rejection == .daySealed)
    // An unknown completion can be undone: the undo is stored, in case it arrives later.
    #expect(sample.untick(undone: [StatementID(source: LedgerSample.tablet, seq: 9)]).status == .applied)
    #expect(sample.cell()?.done == false)
  }

  @Test("a direct call cannot undo a missing completion")
  func undoDirectly() {
    var sample = LedgerSample()
    let undo = Operation.Change.setCompletion(
      Operation.Completion(habitID: LedgerSample.habit, day: today, done: false, clientTime: clientTime(today)))
    #expect(
      sample.ledger.applyDirectly(undo, by: LedgerSample.phone, now: noon).rejection == .cellNotFound)
  }

  @Test("C66: undoing today's only tick leaves yesterday's run; done again, the state is as before")
  func redo() {
    var sample = LedgerSample()
    for ago in [2, 1, 0] { sample.tick(today.advanced(by: -ago)) }
    #expect(sample.streak?.current == 3)
    sample.untick()
    #expect(sample.streak?.current == 2 && sample.streak?.state == .atRisk)
    sample.tick()
    #expect(sample.streak?.current == 3 && sample.streak?.state == .doneToday)
  }

  @Test("C64: a late day repairs the streak that was shown as broken, with a notice to every device")
  func healed() throws {
    var sample = LedgerSample(caughtUpDaysAgo: 6)
    for ago in [5, 4, 3] { sample.tick(today.advanced(by: -ago)) }
    sample.finishChange()
    #expect(sample.streak?.state == .broken && sample.notices.isEmpty)
    sample.tick(today.advanced(by: -1), by: LedgerSample.tablet)
    sample.finishChange()
    #expect(sample.notices.isEmpty)  // a new run repairs nothing
    sample.tick(today.advanced(by: -2), by: LedgerSample.tablet)
    sample.finishChange()
    #expect(sample.streak?.current == 5)
    let notice = try #require(sample.notices.first)
    #expect(notice.kind == .streakHealed && notice.winningValue == .number(5) && notice.losingValue == .number(1))
  }

  @Test("a note of the limit's length is kept, one byte more is rejected")
  func noteLimit() {
    var sample = LedgerSample()
    #expect(sample.tick(note: String(repeating: "n", count: 4_096)).status == .applied)
    #expect(sample.tick(note: String(repeating: "n", count: 4_097)).rejection == .invalidField)
    #expect(sample.cell()?.note.utf8.count == 4_096)
  }
}

@Suite("An undo takes back what it names, and a direct call states what it says")
struct StatementTests {
  private static func undo(_ names: [StatementID]) -> Operation.Change {
    .setCompletion(
      Operation.Completion(
        habitID: LedgerSample.habit, day: today, done: false, clientTime: clientTime(today), undone: names))
  }

  private static func done(_ seconds: Int64 = 0) -> Operation.Change {
    var time = clientTime(today)
    time.occurredAt = Instant(milliseconds: time.occurredAt.milliseconds + seconds * 1_000)
    return .setCompletion(
      Operation.Completion(habitID: LedgerSample.habit, day: today, done: true, clientTime: time))
  }

  private static func phone(_ seq: Int64) -> StatementID { StatementID(source: LedgerSample.phone, seq: seq) }

  private func isDone(_ sample: LedgerSample) -> Bool? {
    sample.ledger.cells[CellKey(habitID: LedgerSample.habit, day: today)]?.cell.done
  }

  @Test("an undo of a statement that is no completion of the day leaves the device's earlier one, without a notice")
  func phantom() {
    var sample = LedgerSample()
    sample.tick()
    let outcome = sample.apply(Self.undo([Self.phone(9)]), by: LedgerSample.tablet)
    #expect(isDone(sample) == true)
    #expect(outcome.status == .applied && outcome.noticeID == nil)
    #expect(!sample.ledger.notices.values.contains { $0.kind == .doneConflict })
  }

  @Test(
    "an undo of a completion takes back the device's earlier ones, whatever they counted", arguments: [true, false])
  func replaced(isEarlier: Bool) {
    var sample = LedgerSample()
    sample.tick()
    let first = sample.ledger.cells[CellKey(habitID: LedgerSample.habit, day: today)]?.completions ?? []
    let next = StatementID(source: LedgerSample.phone, seq: (first.first?.seq ?? 0) + 1)
    if isEarlier { sample.apply(Self.undo([next]), by: LedgerSample.tablet, seen: .nothing) }
    #expect(isDone(sample) == true)
    sample.apply(Self.done(), seen: .nothing)
    if !isEarlier { sample.apply(Self.undo([next]), by: LedgerSample.tablet, seen: .nothing) }
    #expect(isDone(sample) == false)
  }

  @Test("a completion of a habit that became part of another one stands if only the other's is taken back")
  func joined() {
    var (statements, other) = (DayStatements(), DayStatements())
    func author(_ seq: Int64, _ device: Identifier = LedgerSample.phone) -> Author {
      Author(stamp: Stamp(time: HybridTime(noon), id: StatementID(source: device, seq: seq)), seen: .nothing)
    }
    statements.complete(by: author(5), trust: .counted)
    other.complete(by: author(2), trust: .counted)
    statements.join(other, of: Identifier(high: 7, low: 7))
    #expect(DayStatements(encoded: statements.encoded) == statements)
    statements.undo([Self.phone(5)], by: author(1, LedgerSample.tablet))
    #expect(statements.completions.map(\.id) == [Self.phone(2)])
    statements.complete(by: author(7), trust: .counted)
    statements.undo([Self.phone(7)], by: author(2, LedgerSample.tablet))
    #expect(statements.completions.map(\.id) == [Self.phone(2)])
  }

  @Test("a direct call for a done day is a statement: an earlier undo that arrives later does not take it back")
  func directCompletion() {
    var sample = LedgerSample()
    sample.tick()
    let (seen, names) = (sample.seen, sample.ledger.cells.values.flatMap(\.completions))
    sample.now = Instant(milliseconds: sample.now.milliseconds + 60_000)
    #expect(sample.ledger.applyDirectly(Self.done(30), by: LedgerSample.phone, now: sample.now).status == .applied)
    sample.ledger.commit()
    sample.apply(Self.undo(names), by: LedgerSample.tablet, seen: seen, time: HybridTime(noon))
    #expect(isDone(sample) == true)
  }

  @Test("a direct edit to the value that a habit has wins against an earlier edit that arrives later")
  func directEdit() {
    var sample = LedgerSample()
    let seen = sample.seen
    sample.now = Instant(milliseconds: sample.now.milliseconds + 60_000)
    func edit(_ name: String) -> Operation.Change {
      .editHabit(Operation.HabitEdit(habitID: LedgerSample.habit, fields: HabitFields(name: name), changed: [.name]))
    }
    #expect(sample.ledger.applyDirectly(edit("read"), by: LedgerSample.phone, now: sample.now).status == .applied)
    sample.ledger.commit()
    // Its repetition changes nothing.
    let number = sample.ledger.changeNumber
    #expect(sample.ledger.applyDirectly(edit("read"), by: LedgerSample.phone, now: sample.now).status == .applied)
    #expect(sample.ledger.changeNumber == number)
    let outcome = sample.apply(
      edit("run"), by: LedgerSample.tablet, seen: seen,
      time: HybridTime(Instant(milliseconds: sample.now.milliseconds - 30_000)))
    #expect(outcome.status == .superseded)
    #expect(sample.ledger.habits[LedgerSample.habit]?.fields.name == "read")
  }
}

@Suite("Limits of an operation's references, and direct calls that change nothing")
struct OperationLimitTests {
  private static func names(_ count: Int) -> [StatementID] {
    (0..<count).map { StatementID(source: Identifier(high: 5, low: UInt64($0)), seq: 1) }
  }

  @Test(
    "an operation that knows 256 sources is applied, one with 257 is rejected, and so is an undo of 65 completions"
  )
  func names() {
    var sample = LedgerSample()
    #expect(sample.tick(seen: SeenStatements(Self.names(256))).status == .applied)
    #expect(sample.tick(seen: SeenStatements(Self.names(257))).rejection == .invalidField)
    func undo(_ count: Int) -> Operation.Change {
      .setCompletion(
        Operation.Completion(
          habitID: LedgerSample.habit, day: today, done: false, clientTime: clientTime(today), undone: Self.names(count)
        ))
    }
    #expect(sample.apply(undo(64)).status != .rejected)
    #expect(sample.apply(undo(65)).rejection == .invalidField)
  }

  @Test("a direct call for a done day follows the rules of days, and restores a deleted habit")
  func repeated() {
    var sample = LedgerSample()
    sample.tick()
    func direct(_ clientTime: ClientTime) -> OperationOutcome {
      let outcome = sample.ledger.applyDirectly(
        .setCompletion(
          Operation.Completion(habitID: LedgerSample.habit, day: today, done: true, clientTime: clientTime)),
        by: LedgerSample.phone, now: sample.now)
      sample.ledger.commit()
      return outcome
    }
    #expect(direct(clientTime(today.advanced(by: -1))).rejection == .dayMismatch)
    let nowhere = ClientTime(occurredAt: noon, zone: "", utcOffsetSeconds: 0)
    #expect(direct(nowhere).rejection == .invalidField)
    #expect(direct(clientTime(today)).status == .applied)
    let number = sample.ledger.changeNumber
    #expect(direct(clientTime(today)).status == .applied && sample.ledger.changeNumber == number)
    sample.apply(.deleteHabit(LedgerSample.habit))
    #expect(sample.ledger.habits[LedgerSample.habit]?.isDeleted == true)
    #expect(direct(clientTime(today)).status == .applied)
    #expect(sample.ledger.habits[LedgerSample.habit]?.isDeleted == false)
  }
}
