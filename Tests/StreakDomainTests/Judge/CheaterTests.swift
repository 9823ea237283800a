import SplitMix
@testable import StreakDomain
import TestSupport
import Testing

/// A person who tries all ways to make more days count than have passed. Checked against the bound
/// of Specification.md, section 4, and against an independent version of the arrival rules.
@Suite("A cheater's search")
struct CheaterTests {
  @Test("no program exceeds the bound, or counts a day that no arrival rule allows", arguments: seeds(8, long: 5_000))
  func bound(seed: UInt64) {
    for part in 0..<20 {
      var cheater = Cheater(seed: seed * 20 + UInt64(part))
      for _ in 0..<Int.random(in: 4...24, using: &cheater.random) {
        cheater.step()
        guard let excess = cheater.excess() else { continue }
        Issue.record("seed \(seed), part \(part): \(excess)\n\(cheater.story.joined(separator: "\n"))")
        return
      }
    }
  }
}

private struct Cheater {
  struct Device {
    let id: Identifier
    var seq: Int64 = 0
    var caughtUp: Instant
    var claimed: Set<Int32> = []
  }

  struct Migration {
    let id: Identifier
    let version: Int64
  }

  var random: SplitMix64
  var ledger: PersonLedger
  let createdAt: Instant
  var now: Instant
  var devices: [Device] = []
  var migrations: [Migration] = []
  /// By cell: the sources through which it counted.
  var evidence: [CellKey: Set<Identifier>] = [:]
  var story: [String] = []
  private var ids: UInt64 = 0
  private var lastSeen = SeenStatements.nothing

  private static let habits = (1...2).map { Identifier(high: 2, low: $0) }

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    createdAt = noon + Int64.random(in: -dayMilliseconds...dayMilliseconds, using: &random)
    now = createdAt
    ledger = PersonLedger(epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: createdAt))
    register()
    if Bool.random(using: &random) { migrate(isNewAccount: true) } else if Bool.random(using: &random) { importDays() }
  }

  private mutating func pick<Value>(_ values: [Value]) -> Value {
    values[Int.random(in: values.indices, using: &random)]
  }

  private mutating func makeID(_ high: UInt64) -> Identifier {
    ids += 1
    return Identifier(high: high, low: ids)
  }

  private mutating func change(_ body: (_ ledger: inout PersonLedger, _ now: Instant) -> Void) {
    let before = ledger
    body(&ledger, now)
    ledger.readFullHabits(from: before)
    var idCount: UInt64 = 0
    let number = UInt64(ledger.changeNumber)
    ledger.finishChange(now: now) {
      idCount += 1
      return Identifier(high: 99 + idCount, low: number)
    }
    ledger.commit()
  }

  // MARK: Arithmetic of its own

  private static func date(_ moment: Instant, _ clientTime: ClientTime, dayStart: Int32) -> Int32 {
    let local = moment + Int64(clientTime.utcOffsetSeconds) * 1_000 - Int64(dayStart) * 60_000
    return Int32((Double(local.milliseconds) / Double(dayMilliseconds)).rounded(.down))
  }

  /// The date by which a statement is judged: a day start moves it by at most 6 hours.
  private static func judged(_ moment: Instant, _ clientTime: ClientTime) -> Int32 {
    date(moment, clientTime, dayStart: min(clientTime.dayStartMinutes, 360))
  }

  /// The latest date that has begun anywhere.
  private var latest: Int32 { Int32((now + 14 * hour + 5 * 60_000).milliseconds / dayMilliseconds) }

  // MARK: Doors

  mutating func step() {
    now += pick([60_000, hour, 5 * hour, 20 * hour, dayMilliseconds, 3 * dayMilliseconds, 12 * dayMilliseconds])
    switch Int.random(in: 0..<20, using: &random) {
    case 0: register()
    case 1:
      let place = Int.random(in: devices.indices, using: &random)
      let id = devices[place].id
      change { $0.finishBackfill(of: id, now: $1) }
      if !devices[place].claimed.isEmpty || now - devices[place].caughtUp >= 600_000 {
        (devices[place].caughtUp, devices[place].claimed) = (now, [])
      }
    case 2, 3: migrate(isNewAccount: false)
    case 4: undoMigration()
    case 5: importDays()
    case 6, 7: undo()
    case 8: resolve()
    case 9: delete()
    default: for _ in 0..<pick([1, 3, 12, 40]) { complete() }
    }
  }

  private mutating func register() {
    let id = makeID(1)
    devices.append(Device(id: id, caughtUp: now))
    change { $0.register(deviceID: id, now: $1) }
    for habit in Self.habits where ledger.habits[habit] == nil {
      apply(
        .editHabit(Operation.HabitEdit(habitID: habit, fields: HabitFields(name: "h\(habit.low)"))),
        by: devices.count - 1)
    }
    story.append("register \(id.low) at +\((now - createdAt) / 60_000) min")
  }

  private func seen() -> SeenStatements { ledger.sources.seen(by: nil) }

  @discardableResult
  private mutating func apply(_ wanted: Operation.Change, by place: Int) -> OperationOutcome {
    devices[place].seq += 1
    let device = devices[place]
    lastSeen = pick([seen(), seen(), .nothing])
    let operation = Operation(
      seq: device.seq, time: HybridTime(now), seen: lastSeen, change: wanted)
    var outcome = OperationOutcome(seq: 0, status: .applied)
    change { ledger, now in
      outcome = ledger.apply(operation, by: device.id, now: now)
      ledger.advance(deviceID: device.id, to: operation.seq)
    }
    return outcome
  }

  private mutating func applyDirectly(_ wanted: Operation.Change, by place: Int) -> OperationOutcome {
    lastSeen = .everything
    let id = devices[place].id
    var outcome = OperationOutcome(seq: 0, status: .applied)
    change { ledger, now in outcome = ledger.applyDirectly(wanted, by: id, now: now) }
    return outcome
  }

  private mutating func moment() -> ClientTime {
    ClientTime(
      occurredAt: now + pick([0, 0, 1, -1, -2, -3, -4, -29, -31, Int64.random(in: -45...2, using: &random)])
        * dayMilliseconds + Int64.random(in: -12...12, using: &random) * hour, zone: "x",
      utcOffsetSeconds: pick([0, -43_200, 50_400, 3_600]), dayStartMinutes: pick([0, 0, 360, 1_439]))
  }

  private mutating func complete() {
    let place = Int.random(in: devices.indices, using: &random)
    let clientTime = moment()
    let key = CellKey(habitID: pick(Self.habits), day: clientTime.day)
    let before = ledger.cells[key]?.statements
    let completion = Operation.Change.setCompletion(
      Operation.Completion(habitID: key.habitID, day: key.day, done: true, clientTime: clientTime))
    // The choice in a conflict that there is not: it keeps what its author knew.
    let isChoice = Int.random(in: 0..<5, using: &random) == 0
    let wanted =
      isChoice
      ? .resolveConflict(.init(noticeID: makeID(7), takesLosing: false, statement: completion)) : completion
    let isDirect = Int.random(in: 0..<4, using: &random) == 0
    // A day that counts already is not claimed again.
    if isDirect && ledger.cells[key]?.cell.counts == true { return }
    let outcome = isDirect ? applyDirectly(wanted, by: place) : apply(wanted, by: place)
    story.append(
      "device \(devices[place].id.low): \(key.day) at +\((now - createdAt) / 60_000) min, \(clientTime): \(outcome.trust as Any)"
    )
    guard outcome.status == .applied else { return }
    // A completion after an undo is no claim: it has the status of the undone completion.
    let id = StatementID(source: devices[place].id, seq: devices[place].seq)
    let author = Author(stamp: Stamp(time: .zero, id: id), seen: lastSeen)
    guard before?.inheritedTrust(of: author) == nil else { return }
    if isChoice, before?.keptTrust(of: author) != nil { return }
    if mayCount(key.day.number, clientTime, by: place) { evidence[key, default: []].insert(devices[place].id) }
  }

  private mutating func mayCount(_ day: Int32, _ clientTime: ClientTime, by place: Int) -> Bool {
    let today = Self.judged(now, clientTime)
    let caughtUp = devices[place].caughtUp
    if today - day > 30 { return false }
    guard day >= min(Self.judged(caughtUp, clientTime), today) - 1 else { return today - day <= 2 }
    if devices[place].claimed.contains(day) { return true }
    guard devices[place].claimed.count < Int((now - caughtUp + 14 * hour) / dayMilliseconds) + 2 else { return false }
    devices[place].claimed.insert(day)
    return true
  }

  private mutating func undo() {
    guard let key = ledger.cells.keys.sorted().randomElement(using: &random), let cell = ledger.cells[key] else {
      return
    }
    let place = Int.random(in: devices.indices, using: &random)
    var clientTime = moment()
    clientTime.occurredAt = now
    apply(
      .setCompletion(
        Operation.Completion(
          habitID: key.habitID, day: key.day, done: false, clientTime: clientTime,
          undone: pick([nil, cell.completions, cell.completions]))),
      by: place)
    story.append("undo \(key.day) of \(key.habitID.low)")
  }

  private mutating func resolve() {
    guard let id = ledger.notices.keys.sorted().randomElement(using: &random) else { return }
    let place = Int.random(in: devices.indices, using: &random)
    let takesLosing = Bool.random(using: &random)
    let notice = ledger.notices[id]
    let key = notice.flatMap { notice in notice.day.map { CellKey(habitID: notice.habitID, day: $0) } }
    let before = key.flatMap { ledger.cells[$0] }
    apply(.resolveConflict(Operation.Resolution(noticeID: id, takesLosing: takesLosing)), by: place)
    // A resolution that keeps a day of which its author knew nothing is a claim of that day.
    if let key, let before, notice?.kind == .doneConflict, !takesLosing {
      let author = Author(
        stamp: Stamp(time: .zero, id: StatementID(source: devices[place].id, seq: devices[place].seq)), seen: lastSeen)
      let isKnown = before.statements.keptTrust(of: author) != nil
      if !isKnown, mayCount(key.day.number, before.clientTime, by: place) {
        evidence[key, default: []].insert(devices[place].id)
      }
    }
    story.append("resolve \(ledger.notices[id].map { "\($0.kind) \($0.day.map(\.description) ?? "")" } ?? "")")
  }

  private mutating func delete() {
    let habit = pick(Self.habits)
    apply(.deleteHabit(habit), by: Int.random(in: devices.indices, using: &random))
    story.append("delete \(habit.low)")
  }

  private mutating func migrate(isNewAccount: Bool) {
    let capturedAt = moment()
    let id = makeID(5)
    let anchor: Instant? = pick([nil, now, now - Int64.random(in: 0...40, using: &random) * dayMilliseconds])
    let entries = (0..<pick([1, 10, 60])).map { _ in
      let clientTime = moment()
      return CapturedSession.Entry(
        habitID: pick(Self.habits), day: clientTime.day, done: Int.random(in: 0..<6, using: &random) > 0,
        note: "",
        clientTime: clientTime, occurredAtSeconds: clientTime.occurredAt.seconds, occurredAtNanos: 0)
    }
    let session = CapturedSession(
      habits: Self.habits.map { CapturedSession.Habit(id: $0, fields: HabitFields(name: "h\($0.low)")) },
      entries: entries,
      capturedAt: capturedAt, manifest: CapturedSession.Manifest(habitCount: 2, entryCount: entries.count, sha256: []))
    let plan = MigrationPlan(session, anchor: anchor, now: now)
    guard
      let matching = try? HabitMatching(Self.habits.map { ($0, "h\($0.low)") }, account: ledger.habits)
    else { return }
    var merged: MergedSession?
    change { ledger, now in
      merged = ledger.migrate(plan, matching: matching, migrationID: id, isNewAccount: isNewAccount, now: now)
    }
    story.append(
      "migrate \(id.low) captured \(capturedAt), anchor \(anchor.map { "\(($0 - createdAt) / 60_000) min" } ?? "none"): "
        + entries.filter(\.done).map { "\($0.habitID.low) \($0.day)" }.joined(separator: ", "))
    guard let merged else { return }
    migrations.append(Migration(id: id, version: merged.version))
    let today = Self.judged(now, capturedAt)
    let captured = min(max(Self.judged(capturedAt.occurredAt, capturedAt), today - 2), today)
    for habit in plan.habits {
      for cell in habit.cells where cell.state.done {
        let day = cell.day.number
        guard (captured - 29...captured).contains(day) else { continue }
        if let anchor, Int64(day) <= Int64(captured) - (max(0, now - anchor) / dayMilliseconds + 2) { continue }
        // Of a session that the server did not see, only claims that a new device could make.
        let isOpen = anchor != nil || isNewAccount || cell.day < ledger.firstDay
        guard isOpen || Self.judged(now, cell.clientTime) - day <= 2 else { continue }
        evidence[CellKey(habitID: habit.captured.id, day: cell.day), default: []].insert(id)
      }
    }
  }

  private mutating func undoMigration() {
    guard !migrations.isEmpty else { return }
    let migration = migrations.remove(at: Int.random(in: migrations.indices, using: &random))
    let keys = ledger.cells.filter { $0.value.version == migration.version }.keys.sorted()
    let left = Set(keys)
    let more = Set(ledger.cells.keys.filter { !left.contains($0) }.map(\.habitID))
    change { ledger, now in
      _ = ledger.undoMigration(migration.id, keys, version: migration.version, habitsWithMore: more, now: now)
    }
    for key in keys { evidence[key]?.remove(migration.id) }
    story.append("undo migration \(migration.id.low): \(keys.map(\.day))")
  }

  /// A document without a seal: other tests check its content; here it claims the maximum.
  private mutating func importDays() {
    let id = makeID(6)
    var saved = SavedLedger()
    saved.habits = Self.habits.map {
      HabitEntry(id: $0, fields: HabitFields(name: "h\($0.low)"), createdAt: now)
    }
    for _ in 0..<pick([5, 60]) {
      let clientTime = moment()
      guard clientTime.day.number <= latest else { continue }
      let key = CellKey(habitID: pick(Self.habits), day: clientTime.day)
      guard !saved.cells.contains(where: { $0.key == key }) else { continue }
      saved.cells.append(
        SavedLedger.Cell(
          key: key, cell: CellContent(done: true, note: "", trust: .counted), clientTime: clientTime, recordedAt: now))
      evidence[key, default: []].insert(id)
    }
    change { ledger, now in
      _ = ledger.restore(saved, by: StatementID(.document, id), isExempt: false, now: now)
    }
    story.append("import \(saved.cells.map { "\($0.key.habitID.low) \($0.key.day)" }.joined(separator: ", "))")
  }

  // MARK: The bound

  /// Days that count and must not; nil if there are none.
  func excess() -> String? {
    for habit in Self.habits {
      let counted = ledger.cells.filter { $0.key.habitID == habit && $0.value.cell.counts }.map(\.key)
      let early = counted.filter { $0.day < ledger.firstDay }
      if early.count > 30 { return "\(early.count) days before the account's first date" }
      if let state = ledger.habits[habit] {
        if state.earlyDays != early.count { return "\(state.earlyDays) early days noted, there are \(early.count)" }
        if state.summary.total != counted.count {
          return "\(state.summary.total) days in the summary of \(counted.count)"
        }
      }
      if let day = counted.first(where: { $0.day.number > latest }) { return "\(day.day) has not begun" }
      if let key = counted.first(where: { evidence[$0]?.isEmpty != false }) {
        return "\(key.day) of \(habit.low) came by no door"
      }
    }
    return nil
  }
}
