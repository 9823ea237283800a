@testable import StreakDomain

/// The rules of sync done the slow and obvious way, beside `PersonLedger`: everything that happened is kept, nothing is summed up or packed.
/// Source: SEMANTICS.md, sections 2 to 4.
struct LedgerModel {
  struct Touch {
    var number: Int64
    var time: HybridTime
    var device: Identifier
  }

  struct Habit {
    var fields: HabitFields
    var touches: [HabitField: Touch]
    /// Of the last edit, deletion or return.
    var number: Int64
    var returned: Int64 = 0
    var isDeleted = false
    /// Every completion there ever was.
    var completions: [Touch] = []
  }

  struct Cell {
    var cell: LedgerCell
    var touch: Touch
    var made: LocalTime
    var recorded: Int64
  }

  struct Device {
    var caughtUp: Int64
    var claimed: Set<Day> = []
  }

  private struct Author {
    let device: Identifier
    let time: HybridTime
    let seen: Int64

    func hasSeen(_ touch: Touch) -> Bool { touch.number <= seen || touch.device == device }
    func wins(over touch: Touch) -> Bool {
      time != touch.time ? time > touch.time : device > touch.device
    }
  }

  let epoch: Int64
  let habitsMax: Int
  var number: Int64 = 0
  var habits: [Identifier: Habit] = [:]
  var cells: [CellKey: Cell] = [:]
  /// Every state that a cell had before its present one.
  var history: [(key: CellKey, cell: Cell)] = []
  var notices: [Identifier: Notice] = [:]
  var devices: [Identifier: Device]
  private var visits: [(place: LocalTime, at: Int64)] = []
  private var daysBefore: [Identifier: Set<Day>] = [:]

  init(epoch: Int64, habitsMax: Int, devices: [Identifier: Int64]) {
    self.epoch = epoch
    self.habitsMax = habitsMax
    self.devices = devices.mapValues { Device(caughtUp: $0) }
  }

  // MARK: What follows from it

  func today(now: Int64) -> Day {
    let dates = visits.filter { now - $0.at <= 48 * hour }.map { $0.place.day(atMilliseconds: now) }
    if let earliest = dates.min() { return earliest }
    // The zone used last; of two used at the same moment the one that was told of last.
    let latest = visits.map(\.at).max()
    func isSame(_ one: LocalTime, _ other: LocalTime) -> Bool {
      one.utcOffsetSeconds == other.utcOffsetSeconds && one.dayStartMinutes == other.dayStartMinutes
    }
    let candidates = visits.filter { $0.at == latest }.map(\.place)
    guard let last = visits.last(where: { visit in candidates.contains { isSame($0, visit.place) } }) else {
      return Day(Int32(now / dayMilliseconds))
    }
    return last.place.day(atMilliseconds: now)
  }

  func countedDays(of habit: Identifier) -> Set<Day> {
    Set(
      cells.filter { $0.key.habitID == habit && $0.value.cell.done && $0.value.cell.trust == .counted }.map(\.key.day))
  }

  /// Days of the run that a day belongs to.
  private static func run(around day: Day, in days: Set<Day>) -> Int {
    var count = 1
    var place = day.advanced(by: -1)
    while days.contains(place) { (count, place) = (count + 1, place.advanced(by: -1)) }
    place = day.advanced(by: 1)
    while days.contains(place) { (count, place) = (count + 1, place.advanced(by: 1)) }
    return count
  }

  static func streak(_ days: Set<Day>, today: Day) -> Streak {
    let longest = days.map { run(around: $0, in: days) }.max() ?? 0
    func streak(_ state: StreakState, _ current: Int) -> Streak {
      Streak(state: state, current: current, longest: longest, total: days.count, lastDay: days.max())
    }
    guard let last = days.max() else { return streak(.none, 0) }
    if days.contains(today) { return streak(.doneToday, run(around: today, in: days)) }
    let yesterday = today.advanced(by: -1)
    if days.contains(yesterday) { return streak(.atRisk, run(around: yesterday, in: days)) }
    // Done in a zone where it is tomorrow already.
    return last > today ? streak(.doneToday, run(around: last, in: days)) : streak(.broken, 0)
  }

  var digest: StateDigest {
    var sum = StateDigest.empty
    for (id, habit) in habits where !habit.isDeleted { sum += HabitState.itemDigest(habitID: id, habit.fields) }
    for (key, cell) in cells where habits[key.habitID]?.isDeleted == false {
      sum += CellState.itemDigest(key, cell.cell)
    }
    return sum
  }

  var habitCount: Int { habits.values.count { !$0.isDeleted } }

  // MARK: A request

  /// Begins a request.
  mutating func begin() {
    history = []
    daysBefore = Dictionary(uniqueKeysWithValues: habits.keys.map { ($0, countedDays(of: $0)) })
  }

  /// Ends a request: healed streaks are told.
  mutating func end(now: Int64, makeID: () -> Identifier) {
    let today = today(now: now)
    for id in habits.keys.sorted() {
      let (before, after) = (daysBefore[id] ?? [], countedDays(of: id))
      guard let habit = habits[id], !habit.isDeleted, !habit.fields.archived, !before.isEmpty else { continue }
      let (was, isNow) = (Self.streak(before, today: today), Self.streak(after, today: today))
      guard isNow.current > was.current + max(0, after.count - before.count) else { continue }
      number += 1
      notices[makeID()] = Notice(
        kind: .streakHealed, habitID: id, day: isNow.lastDay, kept: "\(isNow.current)", other: "\(was.current)",
        otherDeviceID: nil, madeAtMilliseconds: now, version: number, isResolved: true)
    }
  }

  mutating func catchUp(_ device: Identifier, now: Int64) {
    guard let state = devices[device], now > state.caughtUp else { return }
    // Nothing was claimed and it is not long ago: not worth writing down, and nothing depends on it but the allowance's start.
    if state.claimed.isEmpty && now - state.caughtUp < 10 * 60_000 { return }
    devices[device] = Device(caughtUp: now)
  }

  mutating func apply(
    _ operation: Operation, by device: Identifier, now: Int64, makeID: () -> Identifier
  ) -> OperationOutcome {
    var outcome: OperationOutcome
    do throws(OperationRejection) {
      let ahead = operation.time.milliseconds - now
      if ahead >= dayMilliseconds { throw .clockSkew }
      let time = ahead > 60_000 ? HybridTime(milliseconds: now) : operation.time
      let seen = operation.seen.epoch == epoch ? operation.seen.changeNumber : 0
      if seen < 0 || seen > number { throw .changeUnknown }
      let author = Author(device: device, time: time, seen: seen)
      switch operation.change {
      case .setCompletion(let wanted):
        if wanted.note.utf8.count > 4096 { throw .malformed }
        outcome =
          wanted.done
          ? try complete(wanted, author, now, makeID) : try undo(wanted, author, now, makeID)
      case .editHabit(let edit): outcome = try self.edit(edit, author, now, makeID)
      case .deleteHabit(let id): outcome = try delete(id, author, now, makeID)
      case .resolveConflict(let resolution): outcome = try resolve(resolution, author, now)
      case .malformed: throw .malformed
      }
    } catch {
      outcome = OperationOutcome(seq: 0, status: .rejected, rejection: error)
    }
    outcome.seq = operation.seq
    return outcome
  }

  // MARK: Days

  private func check(_ wanted: Operation.Completion) throws(OperationRejection) {
    let made = wanted.made
    guard wanted.day >= Day.earliest, wanted.day <= Day.latest, abs(made.utcOffsetSeconds - 3600) <= 13 * 3600,
      (0..<1440).contains(made.dayStartMinutes), !made.zone.isEmpty
    else { throw .malformed }
  }

  private mutating func claim(_ wanted: Operation.Completion, _ author: Author, _ now: Int64) -> CellTrust {
    let today = min(today(now: now), wanted.made.day(atMilliseconds: now))
    let age = wanted.day.distance(to: today)
    guard age <= 30 else { return .quarantined(.tooOld) }
    guard var device = devices[author.device] else { return .counted }
    let caughtUpDay = min(wanted.made.day(atMilliseconds: device.caughtUp), today)
    guard wanted.day >= caughtUpDay.advanced(by: -1) else { return age <= 2 ? .counted : .quarantined(.backfill) }
    device.claimed.insert(wanted.day)
    guard Int64(device.claimed.count) <= (now - device.caughtUp) / dayMilliseconds + 2 else {
      return .quarantined(.zoneHop)
    }
    devices[author.device] = device
    return .counted
  }

  private mutating func set(_ key: CellKey, _ cell: Cell) {
    if let old = cells[key] { history.append((key, old)) }
    if cell.cell.done && cells[key]?.cell.done != true { habits[key.habitID]?.completions.append(cell.touch) }
    cells[key] = cell
  }

  private mutating func note(
    _ kind: Notice.Kind, _ habit: Identifier, day: Day? = nil, field: HabitField? = nil, kept: String, other: String,
    of loser: Identifier?, _ now: Int64, _ makeID: () -> Identifier
  ) -> Identifier {
    let id = makeID()
    notices[id] = Notice(
      kind: kind, habitID: habit, day: day, field: field, kept: kept, other: other, otherDeviceID: loser,
      madeAtMilliseconds: now, version: number)
    return id
  }

  private mutating func complete(
    _ wanted: Operation.Completion, _ author: Author, _ now: Int64, _ makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    try check(wanted)
    let utc14 = LocalTime(occurredAtMilliseconds: now + 5 * 60_000, zone: "x", utcOffsetSeconds: 14 * 3600)
    if wanted.day > utc14.day { throw .futureDay }
    if wanted.day != wanted.made.day { throw .dayMismatch }
    guard let habit = habits[wanted.habitID] else { throw .habitNotFound }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    let old = cells[key]
    var trust: CellTrust
    if let old {
      trust = old.cell.trust
      let mayRise: [CellTrust] = [.quarantined(.backfill), .quarantined(.tooOld), .quarantined(.zoneHop)]
      if mayRise.contains(trust), old.touch.device != author.device, claim(wanted, author, now) == .counted {
        trust = .counted
      }
    } else {
      trust = claim(wanted, author, now)
    }
    visits.append((wanted.made, min(wanted.made.occurredAtMilliseconds, now)))

    var new = Cell(
      cell: LedgerCell(done: true, note: wanted.note, trust: trust),
      touch: Touch(number: number + 1, time: author.time, device: author.device), made: wanted.made, recorded: now)
    var holds = true
    var conflicts: [(Notice.Kind, kept: String, other: String, loser: Identifier)] = []
    if let old, author.hasSeen(old.touch) {
      new.touch.time = max(author.time, HybridTime(packed: old.touch.time.packed + 1))
    } else if let old {
      new.touch.time = max(author.time, old.touch.time)
      if !old.cell.done { conflicts.append((.doneConflict, "true", "false", old.touch.device)) }
      switch (old.cell.note, wanted.note) {
      case ("", _): break
      case (let kept, ""): (new.cell.note, new.touch.device) = (kept, old.touch.device)
      case (let theirs, let ours) where theirs == ours: break
      case (let theirs, let ours) where author.wins(over: old.touch):
        conflicts.append((.noteConflict, ours, theirs, old.touch.device))
      case (let theirs, let ours):
        (new.cell.note, new.touch.device, holds) = (theirs, old.touch.device, false)
        conflicts.append((.noteConflict, theirs, ours, author.device))
      }
    }
    if new.cell == old?.cell && conflicts.isEmpty && !habit.isDeleted {
      return OperationOutcome(seq: 0, status: .applied, trust: trust)
    }
    number += 1
    if habit.isDeleted {
      let knew = habit.number <= author.seen
      comeBack(wanted.habitID, archived: true, author)
      if !knew {
        _ = note(.deletionConflict, wanted.habitID, kept: "archived", other: "deleted", of: nil, now, makeID)
      }
    }
    if new.cell != old?.cell { set(key, new) }
    let ids = conflicts.map {
      note($0.0, key.habitID, day: key.day, kept: $0.kept, other: $0.other, of: $0.loser, now, makeID)
    }
    return OperationOutcome(
      seq: 0, status: holds ? .applied : .superseded, changeNumber: number, trust: trust, noticeID: ids.first)
  }

  private mutating func undo(
    _ wanted: Operation.Completion, _ author: Author, _ now: Int64, _ makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    try check(wanted)
    guard habits[wanted.habitID] != nil else { throw .habitNotFound }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    guard var cell = cells[key] else { throw .cellNotFound }
    let trust = cell.cell.trust
    if !cell.cell.done { return OperationOutcome(seq: 0, status: .applied, trust: trust) }
    let today = min(today(now: now), wanted.made.day(atMilliseconds: now))
    if wanted.day.distance(to: today) > 30 { throw .daySealed }
    visits.append((wanted.made, min(wanted.made.occurredAtMilliseconds, now)))
    number += 1
    guard author.hasSeen(cell.touch) else {
      let id = note(
        .doneConflict, key.habitID, day: key.day, kept: "true", other: "false", of: author.device, now, makeID)
      return OperationOutcome(seq: 0, status: .superseded, changeNumber: number, trust: trust, noticeID: id)
    }
    cell.cell.done = false
    cell.touch = Touch(
      number: number, time: max(author.time, HybridTime(packed: cell.touch.time.packed + 1)), device: author.device)
    (cell.made, cell.recorded) = (wanted.made, now)
    set(key, cell)
    return OperationOutcome(seq: 0, status: .applied, changeNumber: number, trust: trust)
  }

  // MARK: Habits

  private mutating func comeBack(_ id: Identifier, archived: Bool, _ author: Author) {
    habits[id]?.isDeleted = false
    habits[id]?.number = number
    habits[id]?.returned = number
    if habits[id]?.fields.archived != archived {
      habits[id]?.fields.archived = archived
      habits[id]?.touches[.archived] = Touch(number: number, time: author.time, device: author.device)
    }
  }

  private func value(_ field: HabitField, _ fields: HabitFields) -> String {
    switch field {
    case .name: fields.name
    case .description: fields.description
    case .color: "\(fields.color)"
    case .position: "\(fields.position)"
    case .archived: "\(fields.archived)"
    }
  }

  private func setting(_ field: HabitField, _ value: String, in fields: HabitFields) -> HabitFields {
    var fields = fields
    switch field {
    case .name: fields.name = value
    case .description: fields.description = value
    case .color: fields.color = UInt32(value) ?? 0
    case .position: fields.position = Int32(value) ?? 0
    case .archived: fields.archived = value == "true"
    }
    return fields
  }

  private mutating func edit(
    _ edit: Operation.HabitEdit, _ author: Author, _ now: Int64, _ makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    guard let old = habits[edit.habitID] else {
      guard edit.fields.isValid else { throw .malformed }
      guard habitCount < habitsMax else { throw .habitLimit }
      number += 1
      let touch = Touch(number: number, time: author.time, device: author.device)
      habits[edit.habitID] = Habit(
        fields: edit.fields, touches: Dictionary(uniqueKeysWithValues: HabitField.allCases.map { ($0, touch) }),
        number: number)
      return OperationOutcome(seq: 0, status: .applied, changeNumber: number)
    }
    let wanted = HabitField.allCases.filter { edit.changed.contains($0) }
    let whole = wanted.reduce(old.fields) { setting($1, value($1, edit.fields), in: $0) }
    guard whole.isValid else { throw .malformed }
    if old.isDeleted && habitCount >= habitsMax { throw .habitLimit }
    var habit = old
    var lost: [(field: HabitField, kept: String, other: String, loser: Identifier)] = []
    var isBeaten = false
    for field in wanted {
      guard let touch = old.touches[field] else { continue }
      let (ours, theirs) = (value(field, edit.fields), value(field, old.fields))
      if ours == theirs { continue }
      let knew = author.hasSeen(touch)
      if !knew && !author.wins(over: touch) {
        lost.append((field, theirs, ours, author.device))
        isBeaten = true
        continue
      }
      if !knew { lost.append((field, ours, theirs, touch.device)) }
      habit.fields = setting(field, ours, in: habit.fields)
      habit.touches[field] = Touch(
        number: number + 1,
        time: knew ? max(author.time, HybridTime(packed: touch.time.packed + 1)) : author.time, device: author.device)
    }
    let isChanged = habit.fields != old.fields
    if !isChanged && lost.isEmpty && !old.isDeleted { return OperationOutcome(seq: 0, status: .applied) }
    number += 1
    if isChanged { habit.number = number }
    habits[edit.habitID] = habit
    var noticeID: Identifier?
    if old.isDeleted {
      let knew = old.number <= author.seen
      comeBack(edit.habitID, archived: knew ? edit.fields.archived : true, author)
      if !knew {
        noticeID = note(.deletionConflict, edit.habitID, kept: "archived", other: "deleted", of: nil, now, makeID)
      }
    } else if let first = lost.first {
      noticeID = note(
        .fieldConflict, edit.habitID, field: first.field, kept: first.kept, other: first.other, of: first.loser, now,
        makeID)
    }
    return OperationOutcome(
      seq: 0, status: isBeaten ? .superseded : .applied, changeNumber: number, noticeID: noticeID)
  }

  private mutating func delete(
    _ id: Identifier, _ author: Author, _ now: Int64, _ makeID: () -> Identifier
  ) throws(OperationRejection) -> OperationOutcome {
    guard let habit = habits[id] else { throw .habitNotFound }
    if habit.isDeleted { return OperationOutcome(seq: 0, status: .applied) }
    number += 1
    let touches = Array(habit.touches.values) + habit.completions
    if touches.allSatisfy({ author.hasSeen($0) }) {
      habits[id]?.isDeleted = true
      habits[id]?.number = number
      return OperationOutcome(seq: 0, status: .applied, changeNumber: number)
    }
    if !habit.fields.archived {
      habits[id]?.fields.archived = true
      habits[id]?.number = number
      habits[id]?.touches[.archived] = Touch(number: number, time: author.time, device: author.device)
    }
    let notice = note(.deletionConflict, id, kept: "archived", other: "deleted", of: author.device, now, makeID)
    return OperationOutcome(seq: 0, status: .superseded, changeNumber: number, noticeID: notice)
  }

  // MARK: Conflicts

  private mutating func resolve(
    _ resolution: Operation.Resolution, _ author: Author, _ now: Int64
  ) throws(OperationRejection) -> OperationOutcome {
    guard var notice = notices[resolution.noticeID] else { throw .conflictNotFound }
    if notice.isResolved { return OperationOutcome(seq: 0, status: .superseded) }
    let next = number + 1
    if resolution.takesOther {
      func touch(after old: Touch?) -> Touch {
        Touch(
          number: next, time: max(author.time, HybridTime(packed: (old?.time.packed ?? 0) + 1)), device: author.device)
      }
      if let day = notice.day {
        let key = CellKey(habitID: notice.habitID, day: day)
        guard var cell = cells[key] else { throw .cellNotFound }
        if notice.kind == .noteConflict {
          cell.cell.note = notice.other
        } else if notice.other == "true" {
          cell.cell.done = true
        } else {
          if day.distance(to: today(now: now)) > 30 { throw .daySealed }
          cell.cell.done = false
        }
        if cell.cell != cells[key]?.cell {
          cell.touch = touch(after: cell.touch)
          cell.recorded = now
          set(key, cell)
        }
      } else if let field = notice.field, let habit = habits[notice.habitID] {
        let fields = setting(field, notice.other, in: habit.fields)
        habits[notice.habitID]?.fields = fields
        let changed = touch(after: habit.touches[field])
        habits[notice.habitID]?.touches[field] = changed
        habits[notice.habitID]?.number = next
      } else {
        habits[notice.habitID]?.isDeleted = true
        habits[notice.habitID]?.number = next
      }
    }
    number = next
    (notice.isResolved, notice.version) = (true, next)
    if resolution.takesOther { (notice.kept, notice.other) = (notice.other, notice.kept) }
    notices[resolution.noticeID] = notice
    return OperationOutcome(seq: 0, status: .applied, changeNumber: next)
  }
}
