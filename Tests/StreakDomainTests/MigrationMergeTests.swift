import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

private let account = Identifier(high: 1, low: 1)
private let read = Identifier(high: 7, low: 1)
private let run = Identifier(high: 7, low: 2)
/// The account is a year old.
private let firstDay = today.advanced(by: -365)

private func entry(_ habitID: Identifier, _ day: Day, done: Bool = true, note: String = "", minute: Int64 = 0)
  -> CapturedSession.Entry
{
  var time = clientTime(day)
  time.occurredAt += minute * 60_000
  return CapturedSession.Entry(
    habitID: habitID, day: day, done: done, note: note, clientTime: time,
    occurredAtSeconds: time.occurredAt.seconds, occurredAtNanos: 0)
}

private func plan(
  _ habits: [(Identifier, String)], _ entries: [CapturedSession.Entry], anchorDaysAgo: Int64? = 365
) -> MigrationPlan {
  let session = CapturedSession(
    habits: habits.map { CapturedSession.Habit(id: $0.0, fields: HabitFields(name: $0.1)) }, entries: entries,
    capturedAt: clientTime(today),
    manifest: CapturedSession.Manifest(habitCount: habits.count, entryCount: entries.count, sha256: []))
  return MigrationPlan(session, anchor: anchorDaysAgo.map { noon - $0 * dayMilliseconds }, now: noon)
}

/// An account with data of a device.
private struct Account {
  var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: firstDay)
  mutating func put(_ id: Identifier, _ name: String) {
    let change = Operation.Change.editHabit(Operation.HabitEdit(habitID: id, fields: HabitFields(name: name)))
    _ = ledger.applyDirectly(change, by: account, now: noon)
  }

  mutating func record(_ id: Identifier, _ day: Day, done: Bool = true, note: String = "") {
    let change = Operation.Change.setCompletion(
      Operation.Completion(habitID: id, day: day, done: done, note: note, clientTime: clientTime(day)))
    ledger.register(deviceID: account, now: noon - 40 * dayMilliseconds)
    _ = ledger.applyDirectly(change, by: account, now: noon)
  }

  @discardableResult
  mutating func migrate(
    _ plan: MigrationPlan, map: [(capturedID: Identifier, habitID: Identifier)] = [],
    migrationID: Identifier = Identifier(high: 5, low: 5), isNewAccount: Bool = false
  ) throws -> MergedSession {
    let captured = plan.habits.map { ($0.captured.id, $0.captured.fields.name) }
    let matching = try HabitMatching(captured, account: ledger.habits, map: map)
    let before = ledger
    let merged = ledger.migrate(
      plan, matching: matching, migrationID: migrationID, isNewAccount: isNewAccount, now: noon)
    ledger.readFullHabits(from: before)
    return try #require(merged)
  }

  func streak(_ id: Identifier) -> Streak? { ledger.habits[id]?.summary.streak(today: today) }
  func cell(_ id: Identifier, _ day: Day) -> CellContent? { ledger.cells[CellKey(habitID: id, day: day)]?.cell }
}

@Suite("Migration into an account with data")
struct MigrationMergeTests {
  @Test("C25: days that the account already has change nothing and are no conflict")
  func sameDays() throws {
    var account = Account()
    account.put(read, "Read")
    for ago in 0..<5 { account.record(read, today.advanced(by: -ago)) }
    let before = account.ledger.digest
    let merged = try account.migrate(plan([(read, "Read")], (0..<5).map { entry(read, today.advanced(by: -$0)) }))
    #expect(merged.habits[0].daysSame.count == 5 && merged.habits[0].daysNew.isEmpty && merged.noticeIDs.isEmpty)
    #expect(account.ledger.digest == before)
    #expect(account.streak(read)?.current == 5)
  }

  @Test("C26: account days 1 to 5 and session days 6 to 10 are a streak of 10")
  func union() throws {
    var account = Account()
    account.put(read, "Read")
    for ago in 5..<10 { account.record(read, today.advanced(by: -ago)) }
    let merged = try account.migrate(plan([(run, "read")], (0..<5).map { entry(run, today.advanced(by: -$0)) }))
    #expect(merged.habits[0].match == HabitMatching.Match(capturedID: run, habitID: read, way: .name))
    #expect(merged.habits[0].daysNew.count == 5)
    #expect(account.streak(read)?.current == 10)
    #expect(account.ledger.habitCount == 1)
  }

  @Test("C28: names match without regard to case, white space and composition; other names do not")
  func names() throws {
    var account = Account()
    account.put(read, "Café  Lesen")
    for name in ["café lesen", " CAFE\u{301} LESEN ", "Cafe\u{301}\tLesen"] {
      let matching = try HabitMatching([(run, name)], account: account.ledger.habits)
      #expect(matching.matches.map(\.way) == [.name])
    }
    #expect(try HabitMatching([(run, "Cafe Lesen")], account: account.ledger.habits).matches.map(\.way) == [.new])
    #expect(try HabitMatching([(read, "Tee")], account: account.ledger.habits).matches.map(\.way) == [.id])
    let both = try HabitMatching([(run, "café lesen"), (account2, "Café Lesen")], account: account.ledger.habits)
    #expect(both.matches.map(\.way) == [.name, .new])
  }

  private let account2 = Identifier(high: 7, low: 3)

  @Test("C30: a map pairs habits of capture and account, each once; a habit can be kept separate by its own id")
  func maps() throws {
    var account = Account()
    account.put(read, "Read")
    let habits = account.ledger.habits
    func reason(_ map: [(capturedID: Identifier, habitID: Identifier)]) -> String? {
      do throws(HabitMatching.InvalidMap) {
        _ = try HabitMatching([(run, "Read")], account: habits, map: map)
        return nil
      } catch {
        return "\(error.index) \(error.reason)"
      }
    }
    #expect(reason([(run, read)]) == nil && reason([(run, run)]) == nil)
    #expect(reason([(run, account2)]) == "0 names no habit of the account")
    #expect(reason([(account2, read)]) == "0 names no habit of the capture")
    #expect(reason([(run, read), (run, read)]) == "1 names a habit twice")
    let apart = try HabitMatching([(run, "Read")], account: habits, map: [(run, run)])
    #expect(apart.matches.map(\.way) == [.new])
  }

  @Test("C32: of two notes of one day the later made one is shown and the other is in a notice")
  func notes() throws {
    // The account's note was made at noon; a session's clock that is ahead counts as now at most.
    for (minute, shown, kept) in [(5, "session", "account"), (-5, "account", "session")] as [(Int64, String, String)] {
      var account = Account()
      account.put(read, "Read")
      account.record(read, today, note: "account")
      let outcome = try account.migrate(plan([(read, "Read")], [entry(read, today, note: "session", minute: minute)]))
      let notice = try #require(outcome.noticeIDs.first.flatMap { account.ledger.notices[$0] })
      #expect(
        notice.kind == .noteConflict && notice.winningValue == .text(shown)
          && notice.losingValue == .text(kept))
      #expect(account.cell(read, today)?.note == shown)
      #expect(outcome.habits[0].daysConflicting == [today])
    }
  }

  @Test("done wins over not done on either side, with a notice")
  func doneWins() throws {
    for accountIsDone in [true, false] {
      var account = Account()
      account.put(read, "Read")
      account.record(read, today, note: "n")
      if !accountIsDone { account.record(read, today, done: false) }
      let outcome = try account.migrate(plan([(read, "Read")], [entry(read, today, done: !accountIsDone)]))
      #expect(account.cell(read, today)?.done == true && account.cell(read, today)?.note == "n")
      #expect(outcome.noticeIDs.compactMap { account.ledger.notices[$0]?.kind } == [.doneConflict])
    }
  }

  @Test("a day counts if it counts on either side")
  func trust() throws {
    var account = Account()
    account.put(read, "Read")
    let old = today.advanced(by: -35)
    account.record(read, old)
    #expect(account.cell(read, old)?.trust == .quarantined(.tooOld))
    try account.migrate(plan([(read, "Read")], [entry(read, old), entry(read, today)]))
    #expect(account.cell(read, old)?.trust != .counted)
    #expect(account.streak(read)?.total == 1)
  }

  @Test("a deleted habit of the account returns archived if the session has days of it")
  func deleted() throws {
    var account = Account()
    account.put(read, "Read")
    _ = account.ledger.applyDirectly(.deleteHabit(read), by: account2, now: noon)
    let outcome = try account.migrate(plan([(read, "Read")], [entry(read, today)]))
    #expect(account.ledger.habits[read]?.isDeleted == false && account.ledger.habits[read]?.fields.archived == true)
    #expect(outcome.noticeIDs.compactMap { account.ledger.notices[$0]?.kind } == [.deletionConflict])
  }

  @Test("the limit of habits holds: a migration that reaches it is accepted, one past it is not")
  func habitLimit() throws {
    for (count, fits) in [(2, true), (3, false)] {
      var ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: firstDay, habitsMax: 2)
      let habits = (0..<UInt64(count)).map { (Identifier(high: 3, low: $0), "h\($0)") }
      let matching = try HabitMatching(habits, account: [:])
      let merged = ledger.migrate(
        plan(habits, []), matching: matching, migrationID: read, isNewAccount: true, now: noon)
      #expect((merged != nil) == fits)
    }
  }

  @Test("three sessions give the same digest and streaks in any order", arguments: seeds(64))
  func anyOrder(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let habits = [(read, "Read"), (run, "Run"), (account2, "Row")]
    let sessions = (0..<3).map { _ in
      let held = habits.filter { _ in Int.random(in: 0..<3, using: &generator) > 0 }
      let entries = held.flatMap { habit in
        (0..<Int.random(in: 0...12, using: &generator)).map { _ in
          entry(
            habit.0, today.advanced(by: -Int.random(in: 0...9, using: &generator)),
            done: Int.random(in: 0..<4, using: &generator) > 0,
            note: generator.choice(of: ["", "", "a", "b", "c"]),
            minute: -Int64.random(in: 0...3, using: &generator))
        }
      }
      let spelled = held.map { ($0.0, [$0.1, $0.1.uppercased()].randomElement(using: &generator) ?? $0.1) }
      return plan(spelled, entries, anchorDaysAgo: generator.choice(of: [nil, 1, 365]))
    }
    var base = Account()
    if Bool.random(using: &generator) {
      base.put(read, "Reading")
      base.record(read, today, note: "own")
    }
    var results: Set<[UInt8]> = []
    var totals: Set<[Int]> = []
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      var account = base
      for index in order { try account.migrate(sessions[index], migrationID: Identifier(high: 5, low: UInt64(index))) }
      results.insert(account.ledger.digest.bytes)
      totals.insert(habits.map { account.streak($0.0)?.total ?? -1 })
      // The incrementally updated digest equals a recomputed one.
      var recount = StateDigest.empty
      for (id, habit) in account.ledger.habits { recount += HabitState.itemDigest(habitID: id, habit.fields) }
      for (key, state) in account.ledger.cells { recount += CellState.itemDigest(key, state.cell) }
      #expect(recount == account.ledger.digest, "seed \(seed)")
    }
    #expect(results.count == 1 && totals.count == 1, "seed \(seed)")
  }

  @Test("each violated rule has a name and a count")
  func findings() {
    var mismatched = entry(read, today)
    mismatched.clientTime.utcOffsetSeconds = 50_400
    mismatched.clientTime.occurredAt += 20 * 3_600_000
    let entries =
      [
        entry(read, today),
        entry(read, today.advanced(by: 2)), entry(run, today), entry(read, today.advanced(by: -10)),
        entry(read, today.advanced(by: -40)), entry(read, today.advanced(by: -41)), mismatched,
      ]
      // One more note than the limit.
      + (0...MigrationPlan.Statement.otherNotesMax + 1).map { entry(read, today.advanced(by: -1), note: "n\($0)") }
    var session = CapturedSession(
      habits: [
        CapturedSession.Habit(
          id: read, fields: HabitFields(name: "Read"),
          claim: CapturedSession.Claim(currentStreak: 9, lastCompletedDay: today))
      ], entries: entries, capturedAt: clientTime(today),
      manifest: CapturedSession.Manifest(habitCount: 1, entryCount: entries.count, sha256: []))
    session.habits[0].claim?.currentStreak = 9
    let plan = MigrationPlan(session, anchor: noon - 2 * dayMilliseconds, now: noon)
    let found = plan.findings.map { "\($0.rule.name)=\($0.count)" }
    #expect(
      found == [
        "FUTURE_DAY=1", "DAY_MISMATCH=1", "HABIT_NOT_FOUND=1", "INVALID_FIELD=1", "OVER_LIMIT=2", "ANCHOR=1",
        "CLAIM_MISMATCH=1",
      ])
  }
}
