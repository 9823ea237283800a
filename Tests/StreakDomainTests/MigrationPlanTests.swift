import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

private let habitID = Identifier(high: 7, low: 7)

/// A substitute for SHA-256: any function of all bytes will do here.
private func digest(_ bytes: [UInt8]) -> [UInt8] {
  var sum: UInt64 = 14_695_981_039_346_656_037
  for byte in bytes { sum = (sum ^ UInt64(byte)) &* 1_099_511_628_211 }
  return (0..<8).map { UInt8(truncatingIfNeeded: sum >> UInt64($0 * 8)) }
}

private func entry(_ day: Day, done: Bool = true, note: String = "", minute: Int64 = 0) -> CapturedSession.Entry {
  var time = clientTime(day)
  time.occurredAt += minute * 60_000
  return CapturedSession.Entry(
    habitID: habitID, day: day, done: done, note: note, clientTime: time,
    occurredAtSeconds: time.occurredAt.seconds, occurredAtNanos: 0)
}

/// A session of one habit, captured at noon today.
private func session(_ entries: [CapturedSession.Entry], claim: CapturedSession.Claim? = nil) -> CapturedSession {
  var session = CapturedSession(
    habits: [CapturedSession.Habit(id: habitID, fields: HabitFields(name: "Read"), claim: claim)], entries: entries,
    capturedAt: clientTime(today),
    manifest: CapturedSession.Manifest(habitCount: 1, entryCount: entries.count, sha256: []))
  session.manifest.sha256 = digest(session.canonicalBytes)
  return session
}

private func days(_ count: Int, endingAgo: Int = 0) -> [CapturedSession.Entry] {
  (0..<count).map { entry(today.advanced(by: -$0 - endingAgo)) }
}

private func plan(_ session: CapturedSession, anchorDaysAgo: Int64? = 365) -> MigrationPlan {
  MigrationPlan(session, anchor: anchorDaysAgo.map { noon - $0 * dayMilliseconds }, now: noon)
}

extension MigrationPlan {
  fileprivate func count(_ trust: CellTrust) -> Int { habits[0].cells.count { $0.state.trust == trust } }
  fileprivate var streak: Streak { habits[0].summary.streak(today: today) }
}

@Suite("MigrationPlan")
struct MigrationPlanTests {
  @Test("C1, C2: up to 30 days ending today all count", arguments: [1, 10, 30])
  func withinLimit(count: Int) {
    let plan = plan(session(days(count)))
    #expect(plan.streak.current == count)
    #expect(plan.streak.longest == count)
    #expect(plan.count(.counted) == count)
    #expect(plan.rejected.isEmpty)
  }

  @Test("C3: of 31 days 30 count and one is kept as OVER_LIMIT")
  func overLimit() {
    let plan = plan(session(days(31)))
    #expect(plan.streak.current == 30)
    #expect(plan.count(.quarantined(.overLimit)) == 1)
    #expect(plan.habits[0].cells.count == 31)
  }

  @Test("C5, C6: claimed numbers are compared, never used")
  func claims() {
    let claim = CapturedSession.Claim(currentStreak: 25, lastCompletedDay: today)
    #expect(plan(session(days(5), claim: claim)).claimMismatch)
    #expect(plan(session(days(5), claim: claim)).streak.current == 5)
    #expect(!plan(session(days(25), claim: claim)).claimMismatch)
    let low = CapturedSession.Claim(currentStreak: 5, lastCompletedDay: today)
    #expect(plan(session(days(25), claim: low)).streak.current == 25)
    #expect(!plan(session(days(25))).claimMismatch)
  }

  @Test("C7: a session begun 3 days ago counts 5 days, the rest is kept as ANCHOR")
  func anchored() {
    let plan = plan(session(days(20)), anchorDaysAgo: 3)
    #expect(plan.count(.counted) == 5)
    #expect(plan.count(.quarantined(.anchor)) == 15)
  }

  @Test("C8: without an anchor 20 days count")
  func unanchored() {
    #expect(plan(session(days(20)), anchorDaysAgo: nil).count(.counted) == 20)
  }

  @Test("an anchor in the future grants the spare days only")
  func futureAnchor() {
    #expect(plan(session(days(20)), anchorDaysAgo: -3).count(.counted) == 2)
  }

  @Test("C9: last completed yesterday is alive, two days ago is 0 with the longest kept")
  func lastCompleted() {
    #expect(plan(session(days(5, endingAgo: 1))).streak.current == 5)
    #expect(plan(session(days(5, endingAgo: 2))).streak.current == 0)
    #expect(plan(session(days(5, endingAgo: 2))).streak.longest == 5)
  }

  @Test("C11: a day two days ahead is rejected as FUTURE_DAY, the others migrate")
  func futureDay() {
    let plan = plan(session(days(4) + [entry(today.advanced(by: 2))]))
    #expect(plan.rejected == [MigrationPlan.Rejection(index: 4, reason: .futureDay)])
    #expect(plan.streak.current == 4)
  }

  @Test("C12: an empty session is an empty plan")
  func empty() {
    let empty = CapturedSession(
      habits: [], entries: [], capturedAt: clientTime(today),
      manifest: CapturedSession.Manifest(habitCount: 0, entryCount: 0, sha256: []))
    #expect(plan(empty).habits.isEmpty)
    #expect(!plan(empty).claimMismatch)
  }

  @Test("C13: the same day twice with one value is one cell")
  func duplicates() {
    let plan = plan(session([entry(today), entry(today)]))
    #expect(plan.habits[0].cells.count == 1)
    #expect(plan.streak.current == 1)
  }

  @Test("of two statements about a day the later made one wins, at any position, and the note survives")
  func laterWins() {
    let early = entry(today, note: "why", minute: 0)
    let late = entry(today, done: false, minute: 5)
    for entries in [[early, late], [late, early]] {
      let cell = plan(session(entries)).habits[0].cells[0]
      #expect(!cell.state.done)
      #expect(cell.state.note == "why")
    }
    #expect(plan(session([entry(today, done: false), entry(today)])).habits[0].cells[0].state.done)
    #expect(plan(session([entry(today), entry(today, done: false)])).habits[0].cells[0].state.done)
  }

  @Test("H7: of different notes of one day the latest is shown, the others are kept, each once")
  func notesStay() {
    let entries = [
      entry(today, note: "one", minute: 1), entry(today, note: "two", minute: 2), entry(today, note: "one"),
    ]
    let cell = plan(session(entries)).habits[0].cells[0]
    #expect(cell.state.note == "two" && cell.notes.map(\.text) == ["two", "one"])
  }

  @Test("as many other notes as the limit are kept, one more goes to the inbox", arguments: [0, 1])
  func notesLimit(past: Int) {
    let count = MigrationPlan.Statement.otherNotesMax + 1 + past
    let plan = plan(session((0..<count).map { entry(today, note: "n\($0)", minute: Int64($0)) }))
    #expect(plan.habits[0].cells[0].notes.count == MigrationPlan.Statement.otherNotesMax + 1)
    #expect(plan.rejected == (past == 0 ? [] : [MigrationPlan.Rejection(index: 0, reason: .invalidField)]))
  }

  @Test("50,000 notes for one day are merged in linear time")
  func manyNotes() {
    let entries = (0..<50_000).map { entry(today, note: "n\($0)", minute: Int64($0 % 600)) }
    let plan = plan(session(entries))
    let kept = plan.habits[0].cells[0].notes.count
    #expect(kept + plan.rejected.count == 50_000)
  }

  @Test("the anchor limits dates, not entries: a day before it does not count, however few are claimed")
  func sparseAnchor() {
    let plan = plan(session([0, 2, 4, 5, 8].map { entry(today.advanced(by: -$0)) }), anchorDaysAgo: 3)
    #expect(plan.count(.counted) == 3)
    #expect(plan.count(.quarantined(.anchor)) == 2)
  }

  @Test("anchors at the ends of time do not trap", arguments: [Instant.min, .max])
  func extremeAnchor(anchor: Instant) {
    let plan = MigrationPlan(session(days(3)), anchor: anchor, now: noon)
    #expect(plan.count(.counted) >= 2)
  }

  @Test("an id that occurs twice gives its days once")
  func idTwice() {
    var twice = session(days(3))
    twice.habits.append(twice.habits[0])
    #expect(plan(twice).habits.map(\.cells.count) == [3, 0])
  }

  @Test("an entry of a habit the session does not have is rejected")
  func unknownHabit() {
    var stray = entry(today)
    stray.habitID = Identifier(high: 9, low: 9)
    #expect(plan(session([stray])).rejected == [MigrationPlan.Rejection(index: 0, reason: .habitNotFound)])
  }

  @Test(
    "the captured day is the device's date, limited to today - 2 ... today of its zone",
    arguments: [(0, 0), (-2, -2), (-3, -2), (1, 0), (400, 0)] as [(Int64, Int)])
  func capturedDay(daysAhead: Int64, expected: Int) {
    var late = session(days(1))
    late.capturedAt.occurredAt = noon + daysAhead * dayMilliseconds
    #expect(plan(late).capturedDay == today.advanced(by: expected))
    late.capturedAt.occurredAt = .min
    #expect(plan(late).capturedDay == today.advanced(by: -2))
  }

  @Test("C37: extreme numbers are rejected entries, not traps")
  func extremes() {
    let entries = [Int32.min, -1, 0, .max].map { entry(Day($0)) }
    #expect(plan(session(entries)).rejected.count == 4)
  }

  @Test("C34, C35: fewer entries are PARTIAL_CAPTURE, others or more are CAPTURE_CORRUPT, a whole capture is neither")
  func faults() {
    let whole = session(days(20))
    #expect(whole.refusal(sha256: digest) == nil)
    var partial = whole
    partial.entries.removeLast(3)
    #expect(partial.refusal(sha256: digest) == .partialCapture)
    var flipped = whole
    flipped.entries[3].note = "x"
    #expect(flipped.refusal(sha256: digest) == .captureCorrupt)
    var more = whole
    more.entries.append(entry(today))
    #expect(more.refusal(sha256: digest) == .captureCorrupt)
    var lost = whole
    lost.habits = []
    #expect(lost.refusal(sha256: digest) == .partialCapture)
  }

  @Test("for any session, nothing is lost and no day outside the rules counts", arguments: seeds(64))
  func nothingLost(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let entries = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
      entry(
        today.advanced(by: Int.random(in: -60...4, using: &generator)), done: Bool.random(using: &generator),
        minute: Int64.random(in: 0...600, using: &generator))
    }
    let anchor = Int64.random(in: 0...40, using: &generator)
    let plan = plan(session(entries), anchorDaysAgo: anchor)
    let rejected = Set(plan.rejected.map { entries[$0.index].day })
    let kept = Set(plan.habits[0].cells.map(\.day))
    #expect(kept.union(rejected) == Set(entries.map(\.day)), "seed \(seed)")
    for cell in plan.habits[0].cells where cell.state.trust == .counted {
      let age = cell.day.distance(to: today)
      #expect((0..<30).contains(age) && age < Int(anchor) + 2, "seed \(seed)")
    }
  }
}
