@testable import StreakDomain
import TestSupport
import Testing

/// Cases of Cases.md about order, backfill and losses, by their numbers.
@Suite("Cases")
struct CaseTests {
  private typealias Act = (inout LedgerSample) -> Void

  private let phone = LedgerSample.phone
  private let tablet = LedgerSample.tablet
  private let habit = LedgerSample.habit
  private static let watch = Identifier(high: 1, low: 3)

  private func at(_ minutes: Int64) -> HybridTime { HybridTime(noon - 4 * hour + minutes * 60_000) }

  /// Every order that keeps the order of each queue.
  private func orders(_ queues: [[Act]]) -> [[Act]] {
    let first = queues.indices.filter { !queues[$0].isEmpty }
    guard !first.isEmpty else { return [[]] }
    return first.flatMap { place in
      var rest = queues
      let act = rest[place].removeFirst()
      return orders(rest).map { [act] + $0 }
    }
  }

  /// The result of each order of the queues on a start.
  private func results(_ start: LedgerSample, _ queues: [[Act]]) -> [LedgerSample] {
    orders(queues).map { order in
      var sample = start
      for act in order { act(&sample) }
      return sample
    }
  }

  private func open(_ sample: LedgerSample) -> [Notice.Kind] { sample.notices.filter { !$0.isResolved }.map(\.kind) }

  /// A day that is done with a note, known to all devices; and the phone's second statement about
  /// it.
  private func doneDay() -> (sample: LedgerSample, seen: SeenStatements, completion: StatementID) {
    var sample = LedgerSample(devices: [phone, tablet, Self.watch])
    sample.tick(note: "base", time: at(-60))
    return (sample, sample.seen, StatementID(source: phone, seq: 2))
  }

  @Test("C108: an undo, and another one made without a pull, leave another device's completion")
  func twoUndos() {
    let (start, seen, base) = doneDay()
    let first = at(0)
    let second = at(1)
    let done: Act = { $0.tick(note: "a", by: LedgerSample.phone, seen: seen, time: first) }
    let undo: Act = { $0.untick(by: LedgerSample.tablet, seen: seen, undone: [base], time: second) }
    for sample in results(start, [[done], [undo, undo]]) {
      #expect(sample.cell() == CellContent(done: true, note: "a", trust: .counted))
      #expect(open(sample) == [.doneConflict] && sample.notices.last?.winningValue == .flag(true))
      #expect(sample.ledger.digest == results(start, [[done], [undo, undo]])[0].ledger.digest)
    }
  }

  @Test("C109: done and undone on one device, undone on another with a later clock: not done")
  func bothUndo() {
    let (start, seen, base) = doneDay()
    let (one, two, three) = (at(0), at(1), at(9))
    let own = StatementID(source: tablet, seq: 1)
    let queue: [Act] = [
      { $0.tick(by: LedgerSample.tablet, seen: seen, time: one) },
      { $0.untick(by: LedgerSample.tablet, seen: seen, undone: [base, own], time: two) },
    ]
    let other: Act = { $0.untick(seen: seen, undone: [base], time: three) }
    for sample in results(start, [queue, [other]]) {
      #expect(sample.cell() == CellContent(done: false, note: "base", trust: .counted))
      #expect(open(sample).isEmpty)
    }
  }

  @Test("C110: undone at 10:01, done with a new note at 10:00 elsewhere: done with that note")
  func undoStampsNoNote() {
    let (start, seen, base) = doneDay()
    let (ten, later) = (at(0), at(1))
    let undo: Act = { $0.untick(seen: seen, undone: [base], time: later) }
    let done: Act = { $0.tick(note: "new", by: LedgerSample.tablet, seen: seen, time: ten) }
    let note: Act = { $0.note("new", by: LedgerSample.tablet, seen: seen, time: ten) }
    for sample in results(start, [[undo], [done]]) {
      #expect(sample.cell() == CellContent(done: true, note: "new", trust: .counted))
      #expect(open(sample) == [.doneConflict])
    }
    for sample in results(start, [[undo], [note]]) {
      #expect(sample.cell() == CellContent(done: false, note: "new", trust: .counted))
    }
  }

  @Test("C111: a new note, and a deletion made without knowing it: archived, with the note, and with a notice")
  func noteAndDeletion() {
    let (start, seen, _) = doneDay()
    let time = at(0)
    let habit = habit
    let delete: Act = { $0.apply(.deleteHabit(habit), seen: seen, time: time) }
    let changes: [Act] = [
      { $0.note("new", by: LedgerSample.tablet, seen: seen, time: time) },
      { $0.tick(note: "new", by: LedgerSample.tablet, seen: seen, time: time) },
    ]
    for change in changes {
      for sample in results(start, [[delete], [change]]) {
        let state = sample.ledger.habits[habit]
        #expect(state?.isDeleted == false && state?.fields.archived == true)
        #expect(sample.cell() == CellContent(done: true, note: "new", trust: .counted))
        #expect(open(sample) == [.deletionConflict])
      }
    }
  }

  private func moment(_ iso: String, _ minutes: Int64, offset: Int32) -> ClientTime {
    let local = Int64(Day(iso: iso)?.number ?? 0) * dayMilliseconds + minutes * 60_000
    return ClientTime(
      occurredAt: Instant(milliseconds: local - Int64(offset) * 1_000), zone: "x", utcOffsetSeconds: offset)
  }

  @Test("C112: three dates within a night and a day count: when clocks go forward, and after a flight")
  func shortDays() {
    let berlin = [
      moment("2026-03-28", 23 * 60 + 52, offset: 3_600), moment("2026-03-29", 720, offset: 7_200),
      moment("2026-03-30", 4, offset: 7_200),
    ]
    let newYorkToLondon = [
      moment("2026-03-01", 23 * 60 + 52, offset: -18_000), moment("2026-03-02", 14 * 60, offset: 0),
      moment("2026-03-03", 10, offset: 0),
    ]
    for taps in [berlin, newYorkToLondon] {
      for isLate in [true, false] {
        var sample = LedgerSample(devices: [])
        sample.ledger.register(deviceID: phone, now: taps[0].occurredAt - 120_000)
        for tap in taps {
          sample.now = isLate ? taps[2].occurredAt + 60_000 : tap.occurredAt + 1_000
          #expect(sample.tick(tap.day, clientTime: tap).trust == .counted, "\(tap)")
        }
        #expect(Set(taps.map(\.day)).count == 3 && sample.ledger.habits[habit]?.summary.total == 3)
      }
    }
  }

  private func plan(
    _ habits: [(Identifier, String)], _ days: [(Identifier, Day)], capturedAt: ClientTime = clientTime(today),
    anchor: Instant? = nil
  ) -> MigrationPlan {
    let entries = days.map { id, day in
      CapturedSession.Entry(
        habitID: id, day: day, done: true, note: "", clientTime: clientTime(day), occurredAtSeconds: 0,
        occurredAtNanos: 0)
    }
    let session = CapturedSession(
      habits: habits.map { CapturedSession.Habit(id: $0.0, fields: HabitFields(name: $0.1)) }, entries: entries,
      capturedAt: capturedAt,
      manifest: CapturedSession.Manifest(habitCount: habits.count, entryCount: entries.count, sha256: []))
    return MigrationPlan(session, anchor: anchor, now: noon)
  }

  private func migrate(
    _ plan: MigrationPlan, _ number: UInt64, into ledger: inout PersonLedger, isNewAccount: Bool = false
  ) throws -> MergedSession {
    let captured = plan.habits.map { ($0.captured.id, $0.captured.fields.name) }
    let before = ledger
    let merged = ledger.migrate(
      plan, matching: try HabitMatching(captured, account: ledger.habits),
      migrationID: Identifier(high: 5, low: number),
      isNewAccount: isNewAccount, now: noon)
    ledger.readFullHabits(from: before)
    ledger.commit()
    return try #require(merged)
  }

  @Test("C113: two sessions with habits of one name under other ids give the same digest in both orders")
  func namesake() throws {
    let (small, large) = (Identifier(high: 7, low: 1), Identifier(high: 7, low: 2))
    let sessions = [plan([(large, "Read")], [(large, today)]), plan([(small, "read ")], [(small, today)])]
    var digests: [StateDigest] = []
    for order in [[0, 1], [1, 0]] {
      var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: today)
      for place in order { _ = try migrate(sessions[place], UInt64(place), into: &ledger) }
      digests.append(ledger.digest)
    }
    #expect(digests[0] == digests[1])
  }

  @Test(
    "C114: in an account a minute old, at most 30 days before its first date count, and from it on two dates")
  func manyDoors() throws {
    // At noon UTC the earliest date anywhere is that of UTC.
    let created = noon
    var sample = LedgerSample(devices: [], habits: [])
    sample.ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: created))
    sample.ledger.register(deviceID: phone, now: created)
    sample.now = noon + 60_000
    let days = (-3...45).map { (habit, today.advanced(by: -$0)) }
    for (number, hours) in [Int64(-48), 48, 0, -24].enumerated() {
      for offset in [Int32(-43_200), 0, 50_400] {
        for dayStart in [Int32(0), 1_439] {
          let captured = ClientTime(
            occurredAt: noon + hours * hour, zone: "x", utcOffsetSeconds: offset, dayStartMinutes: dayStart)
          let id = UInt64(number) * 100 + UInt64(offset / 43_200 + 1) * 10 + UInt64(dayStart / 1_439)
          _ = try migrate(
            plan([(habit, "Read")], days, capturedAt: captured), id, into: &sample.ledger, isNewAccount: number == 0)
        }
      }
    }
    for device in 1...4 {
      let device = Identifier(high: 1, low: UInt64(device))
      sample.ledger.register(deviceID: device, now: noon)
      for ago in -1...5 {
        for offset in [Int32(-43_200), 0, 50_400] {
          let tap = ClientTime(
            occurredAt: noon - Int64(ago) * dayMilliseconds, zone: "x", utcOffsetSeconds: offset)
          sample.tick(tap.day, by: device, clientTime: tap)
        }
      }
    }
    let counted = sample.ledger.cells.filter { $0.value.cell.counts }.map(\.key.day)
    #expect(counted.count { $0 < sample.ledger.firstDay } == 30)
    let later = Set(counted.filter { $0 >= sample.ledger.firstDay })
    #expect(later.isSubset(of: [today, today.advanced(by: 1)]) && later.contains(today))
    #expect(sample.ledger.habits[habit]?.earlyDays == 30)
  }

  @Test("C115: a day entered afterwards keeps its status: in a session, by a new device, undone and recorded again")
  func backfillStays() throws {
    var sample = LedgerSample(devices: [phone], createdDaysAgo: 60)
    let day = today.advanced(by: -5)
    #expect(sample.tick(day).trust == .quarantined(.backfill))
    _ = try migrate(plan([(habit, "read")], [(habit, day)]), 1, into: &sample.ledger)
    #expect(sample.cell(day)?.trust == .quarantined(.backfill))
    sample.ledger.register(deviceID: Self.watch, now: noon)
    #expect(sample.tick(day, by: Self.watch).trust == .quarantined(.backfill))
    sample.untick(day)
    #expect(sample.tick(day).trust == .quarantined(.backfill))
    // A day that counted, undone and done again, counts.
    sample.tick(today)
    sample.untick(today)
    sample.now = noon + 10 * dayMilliseconds
    sample.ledger.finishBackfill(of: phone, now: sample.now)
    #expect(sample.tick(today).trust == .counted)
  }

  @Test("C116: the days of an undone migration are judged as new, also after undoing them again")
  func undoneMigration() throws {
    for undoesAgain in [false, true] {
      var sample = LedgerSample(createdDaysAgo: 60)
      let day = today.advanced(by: -10)
      let merged = try migrate(
        plan([(habit, "read")], [(habit, day)], anchor: noon - 40 * dayMilliseconds), 1, into: &sample.ledger)
      #expect(sample.cell(day)?.counts == true)
      let key = CellKey(habitID: habit, day: day)
      let name = StatementID(.migration, Identifier(high: 5, low: 1))
      let emptied = sample.ledger.undoMigration(
        Identifier(high: 5, low: 1), [key], version: merged.version, habitsWithMore: [], now: noon)
      #expect(emptied.deletedHabits.isEmpty && emptied.daysReversed == 1 && sample.cell(day)?.done == false)
      sample.ledger.commit()
      if undoesAgain { sample.untick(day, undone: [name]) }
      #expect(sample.tick(day).trust == .quarantined(.backfill))
    }
  }

  @Test("a session that is migrated again after an undo is as the first time: not archived, and no conflict")
  func migratedAgain() throws {
    var sample = LedgerSample(createdDaysAgo: 60, habits: [])
    let keys = (0..<3).map { CellKey(habitID: habit, day: today.advanced(by: -$0)) }
    let wanted = plan([(habit, "read")], keys.map { (habit, $0.day) }, anchor: noon - 40 * dayMilliseconds)
    let first = try migrate(wanted, 1, into: &sample.ledger)
    let (fields, digest) = (sample.ledger.habits[habit]?.fields, sample.ledger.digest)
    let before = sample.ledger
    let emptied = sample.ledger.undoMigration(
      Identifier(high: 5, low: 1), keys, version: first.version, habitsWithMore: [], now: noon)
    sample.ledger.readFullHabits(from: before)
    sample.ledger.commit()
    #expect(emptied.deletedHabits == [habit] && sample.ledger.habitCount == 0)
    _ = try migrate(wanted, 2, into: &sample.ledger)
    #expect(sample.ledger.habits[habit]?.fields == fields && sample.ledger.habits[habit]?.isDeleted == false)
    #expect(sample.ledger.digest == digest && sample.notices.filter { !$0.isResolved }.isEmpty)
  }

  private func rename(_ name: String, _ device: Identifier, _ seen: SeenStatements, _ time: HybridTime) -> Act {
    let edit = Operation.HabitEdit(habitID: habit, fields: HabitFields(name: name), changed: [.name])
    return { $0.apply(.editHabit(edit), by: device, seen: seen, time: time) }
  }

  @Test("C128: y at 10:00 and z at 10:05, y at 10:10 elsewhere: y")
  func equalValueMovesTheStamp() {
    let start = LedgerSample()
    let seen = start.seen
    let queues = [
      [rename("y", phone, seen, at(0)), rename("z", phone, seen, at(5))], [rename("y", tablet, seen, at(10))],
    ]
    for sample in results(start, queues) { #expect(sample.ledger.habits[habit]?.fields.name == "y") }
  }

  @Test("C129: an edit, a deletion that knew it, and one that did not: archived")
  func oneDeletionSaw() {
    let start = LedgerSample(devices: [phone, tablet, Self.watch])
    let before = start.seen
    let edit = rename("new", Self.watch, before, at(0))
    let time = at(1)
    let habit = habit
    var edited = start
    edit(&edited)
    let after = edited.seen
    let deletesKnowing: Act = { $0.apply(.deleteHabit(habit), by: LedgerSample.tablet, seen: after, time: time) }
    let deletes: Act = { $0.apply(.deleteHabit(habit), seen: before, time: time) }
    var digests: Set<StateDigest> = []
    for sample in results(start, [[edit, deletesKnowing], [deletes]]) {
      let state = sample.ledger.habits[habit]
      #expect(state?.isDeleted == false && state?.fields == HabitFields(name: "new", archived: true))
      #expect(open(sample) == [.deletionConflict])
      digests.insert(sample.ledger.digest)
    }
    #expect(digests.count == 1)
  }

  @Test(
    "C131: an hour ahead at its 11:00, another device at 10:15, delivered at 10:01 or 10:30: the other's wins",
    arguments: [1, 30] as [Int64])
  func hourAhead(minutes: Int64) {
    let (start, seen, _) = doneDay()
    let habit = habit
    let ten = Instant(milliseconds: at(0).milliseconds)
    let ahead: Act = { sample in
      sample.now = ten + minutes * 60_000
      let note = Operation.Note(habitID: habit, day: today, text: "ahead", clientTime: clientTime(today))
      sample.apply(
        .setNote(note), by: LedgerSample.tablet, seen: seen, time: HybridTime(ten + hour),
        clock: ClockRules(now: sample.now, sentAt: sample.now + hour))
    }
    let rival: Act = { sample in
      sample.now = ten + 30 * 60_000
      sample.note("rival", seen: seen, time: HybridTime(ten + 15 * 60_000))
    }
    for sample in results(start, minutes == 1 ? [[ahead, rival]] : [[ahead], [rival]]) {
      #expect(sample.cell()?.note == "rival")
    }
  }
}
