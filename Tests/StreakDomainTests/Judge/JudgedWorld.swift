@testable import StreakDomain
import TestSupport

/// Some devices, a server (`PersonLedger`), and the reference: every delivered statement is applied
/// to both.
struct JudgedWorld {
  /// An action of a device.
  enum Action: Hashable, Sendable {
    case done(note: String?)
    case undo
    /// Names those known completions that the bits of `mask` choose, and a statement that the
    /// device knows, of whatever kind and day, or one that is never made.
    case undoSome(mask: Int, device: Int, seq: Int64)
    case note(String)
    case name(String)
    case archived(Bool)
    case delete
    /// Resolves one of the conflicts that the device knows.
    case resolve(takesLosing: Bool, choice: Int)
    /// A direct call: it has seen everything at its arrival. Not for resolutions and pulls.
    indirect case direct(Action)
    /// Receives everything. The device's earlier actions were delivered before.
    case pull

    /// What it states depends on what has arrived, so no statement changes its place with it.
    var dependsOnArrival: Bool {
      switch self {
      case .direct, .pull: true
      default: false
      }
    }
  }

  /// An action and its object.
  struct Step: Hashable, Sendable {
    var action: Action
    var habit = 0
    /// Days before today.
    var ago = 0
    /// How far the device's clock is ahead, in milliseconds.
    var skew: Int64 = 0
    /// With this pull the device reports an empty queue.
    var finishesBackfill = false

    init(_ action: Action) { self.action = action }
  }

  struct Made {
    var operation: Operation
    var habit: Int
    var statement: Reference.Statement
  }

  /// Equal statements in different orders of delivery are the same operation.
  final class Memory {
    struct Key: Hashable {
      var device: Int
      var place: Int
      var pulls: [[Int]]
    }
    var statements: [Key: Made] = [:]
  }

  private struct Device {
    var place = 0
    var seq: Int64 = 0
    /// For each device, the number of received statements at each of its pulls.
    var pulls: [[Int]] = []
    var seen: SeenStatements
    var vector: [Int]
    var completions: [CellKey: [StatementID]] = [:]
    var conflicts: [(id: Identifier, notice: Notice)] = []
    var own: [CellKey: [StatementID]] = [:]
    var caughtUp: Instant
    var claimed: Set<Int> = []
  }

  /// No device makes so many statements.
  private static let neverMade: Int64 = 1_000

  private(set) var ledger: PersonLedger
  private(set) var references: [Reference]
  /// The statements delivered since all devices knew the habits.
  private(set) var log: [Made] = []
  private var devices: [Device]
  private var delivered: [Int]
  /// The server's numbers of the direct calls' statements.
  private var directSeqs: [Int64] = []
  /// The device that stands for direct calls in the references: the last one.
  private var direct: Int { delivered.count - 1 }
  private var batch: PersonLedger
  /// The next statement belongs to the change of the one before; otherwise it begins one.
  var isBatched: Bool
  /// Resolutions state the chosen value; otherwise the server takes it from the notice.
  private let statesChoices: Bool
  private let memory: Memory

  static let now = noon
  static func deviceID(_ device: Int) -> Identifier { Identifier(high: 1, low: UInt64(device + 1)) }
  static func habitID(_ habit: Int) -> Identifier { Identifier(high: 2, low: UInt64(habit + 1)) }

  /// All devices know the habits, and the statements of `base`, which a separate device makes.
  /// - Parameter isBatched: The base is one change; otherwise each of its statements is one.
  init(
    devices count: Int, habits: Int = 1, base: [Step] = [], offlineDays: [Int] = [], isBatched: Bool = false,
    statesChoices: Bool = true, memory: Memory = Memory()
  ) {
    ledger = PersonLedger(
      epoch: Epoch(number: 1), firstDay: DayRules.firstDay(createdAt: Self.now - 365 * dayMilliseconds))
    batch = ledger
    self.isBatched = isBatched
    self.statesChoices = statesChoices
    self.memory = memory
    references = Array(repeating: Reference(statements: [], direct: count + 1), count: habits)
    let vector = Array(repeating: 0, count: count + 2)
    delivered = vector
    devices = (0...count).map { device in
      let days = device < offlineDays.count ? offlineDays[device] : 40
      return Device(seen: .nothing, vector: vector, caughtUp: Self.now - Int64(days) * dayMilliseconds)
    }
    for device in 0...count { ledger.register(deviceID: Self.deviceID(device), now: devices[device].caughtUp) }
    batch = ledger
    for habit in 0..<habits {
      devices[count].seq += 1
      let seq = devices[count].seq
      let time = Self.time(count, Int(seq), skew: -12 * hour)
      deliver(
        Made(
          operation: Operation(
            seq: seq, time: time, seen: .nothing,
            change: .editHabit(Operation.HabitEdit(habitID: Self.habitID(habit), fields: HabitFields(name: "h")))),
          habit: habit,
          statement: Reference.Statement(
            name: Reference.Name(device: count, seq: Int(seq)), time: time.packed, seen: vector, what: .create("h"))),
        by: count)
    }
    for step in base { _ = perform(step, by: count) }
    for device in 0..<count { pull(device, Step(.pull)) }
    for device in 0..<count { (devices[device].pulls, devices[device].place) = ([], 0) }
    log = []
  }

  static func time(_ device: Int, _ place: Int, skew: Int64) -> HybridTime {
    HybridTime(now - hour + Int64(place) * 1_000 + Int64(device) * 10 + skew)
  }

  // MARK: Doing

  /// - Returns: False if the device cannot perform it.
  mutating func perform(_ step: Step, by device: Int) -> Bool {
    devices[device].place += 1
    guard step.action != .pull else {
      pull(device, step)
      return true
    }
    if case .direct(let action) = step.action {
      guard callDirectly(action, step, by: device) else {
        devices[device].place -= 1
        return false
      }
      return true
    }
    devices[device].seq += 1
    let key = Memory.Key(device: device, place: devices[device].place, pulls: devices[device].pulls)
    guard let statement = memory.statements[key] ?? make(step, by: device) else {
      devices[device].place -= 1
      devices[device].seq -= 1
      return false
    }
    memory.statements[key] = statement
    deliver(statement, by: device)
    return true
  }

  private mutating func pull(_ device: Int, _ step: Step) {
    if step.finishesBackfill {
      ledger.finishBackfill(of: Self.deviceID(device), now: Self.now)
      (devices[device].caughtUp, devices[device].claimed) = (Self.now, [])
    }
    devices[device].vector = delivered
    devices[device].pulls.append(delivered)
    devices[device].seen = ledger.sources.seen(by: Self.deviceID(device))
    devices[device].completions = ledger.cells.mapValues(\.completions)
    devices[device].conflicts = ledger.notices.filter { !$0.value.isResolved }.sorted { $0.key < $1.key }
      .map { (id: $0.key, notice: $0.value) }
  }

  private func clientTime(_ ago: Int) -> ClientTime {
    ClientTime(occurredAt: Self.now - Int64(ago) * dayMilliseconds, zone: "x", utcOffsetSeconds: 0)
  }

  private func make(_ step: Step, by device: Int) -> Made? {
    let state = devices[device]
    let key = CellKey(habitID: Self.habitID(step.habit), day: today.advanced(by: -step.ago))
    var habit = step.habit
    let change: Operation.Change
    let what: Reference.What
    switch step.action {
    case .pull, .direct: return nil
    case .done(let note):
      change = .setCompletion(
        Operation.Completion(
          habitID: key.habitID, day: key.day, done: true, note: note, clientTime: clientTime(step.ago)))
      what = .done(day: step.ago, note: note, judged: .counted)
    case .undo:
      let names = Array(Set((state.completions[key] ?? []) + (state.own[key] ?? []))).sorted()
      change = .setCompletion(
        Operation.Completion(
          habitID: key.habitID, day: key.day, done: false, clientTime: clientTime(step.ago), undone: names))
      what = .undo(day: step.ago, names: names.map(name))
    case .undoSome(let mask, let other, let seq):
      let known = Array(Set((state.completions[key] ?? []) + (state.own[key] ?? []))).sorted()
      let chosen = known.enumerated().filter { mask >> $0.offset & 1 == 1 }.map(\.element)
      let isKnown = seq <= (other == device ? Int64(state.seq) - 1 : Int64(state.vector[other]))
      let named = StatementID(source: Self.deviceID(other), seq: isKnown ? seq : Self.neverMade + seq)
      let names = Array(Set(chosen + [named])).sorted()
      change = .setCompletion(
        Operation.Completion(
          habitID: key.habitID, day: key.day, done: false, clientTime: clientTime(step.ago), undone: names))
      what = .undo(day: step.ago, names: names.map(name))
    case .note(let text):
      change = .setNote(
        Operation.Note(habitID: key.habitID, day: key.day, text: text, clientTime: clientTime(step.ago)))
      what = .note(day: step.ago, text: text)
    case .name(let name):
      change = .editHabit(
        Operation.HabitEdit(habitID: key.habitID, fields: HabitFields(name: name), changed: [.name]))
      what = .edit(.name, name)
    case .archived(let archived):
      change = .editHabit(
        Operation.HabitEdit(
          habitID: key.habitID, fields: HabitFields(name: "-", archived: archived), changed: [.archived]))
      what = .edit(.archived, archived ? "true" : "false")
    case .delete: (change, what) = (.deleteHabit(key.habitID), .delete)
    case .resolve(let takesLosing, let choice):
      guard !state.conflicts.isEmpty else { return nil }
      let (id, notice) = state.conflicts[choice % state.conflicts.count]
      habit = Int(notice.habitID.low) - 1
      what = resolution(of: notice, takesLosing: takesLosing, habit: habit, by: state, device: device)
      let statement = statesChoices ? statement(of: what, habitID: notice.habitID) : nil
      change = .resolveConflict(.init(noticeID: id, takesLosing: takesLosing, statement: statement))
    }
    let time = Self.time(device, state.place, skew: step.skew)
    return Made(
      operation: Operation(seq: state.seq, time: time, seen: state.seen, change: change), habit: habit,
      statement: Reference.Statement(
        name: Reference.Name(device: device, seq: Int(state.seq)), time: time.packed, seen: state.vector, what: what))
  }

  /// The chosen value; for the winning one, the value that its author knows as such.
  private func resolution(
    of notice: Notice, takesLosing: Bool, habit: Int, by state: Device, device: Int
  ) -> Reference.What {
    let known = references[habit].known(to: state.vector, device: device, before: Int(state.seq))
    let day = notice.day.map { $0.distance(to: today) } ?? 0
    switch notice.kind {
    case .noteConflict: return .note(day: day, text: takesLosing ? notice.losingValue?.text ?? "" : known.note(of: day))
    case .doneConflict: return takesLosing ? .undo(day: day, names: known.standingNames(day)) : .keepDone(day: day)
    case .fieldConflict:
      let field: Reference.Field = notice.field == .name ? .name : .archived
      return .edit(field, takesLosing ? notice.losingValue?.text ?? "" : known.stated(field))
    case .deletionConflict, .streakHealed: return takesLosing ? .delete : .edit(.archived, "true")
    }
  }

  /// A resolution with its chosen value.
  private func statement(of what: Reference.What, habitID: Identifier) -> Operation.Change {
    func completion(_ ago: Int, done: Bool, undone: [StatementID]? = nil) -> Operation.Change {
      .setCompletion(
        Operation.Completion(
          habitID: habitID, day: today.advanced(by: -ago), done: done, clientTime: clientTime(ago), undone: undone))
    }
    switch what {
    case .keepDone(let ago), .done(let ago, _, _): return completion(ago, done: true)
    case .undo(let ago, let names):
      let undone = names.map { name in
        name.device == direct
          ? StatementID(source: StatementID.directCalls, seq: directSeqs[name.seq - 1])
          : StatementID(source: Self.deviceID(name.device), seq: Int64(name.seq))
      }
      return completion(ago, done: false, undone: undone)
    case .note(let ago, let text):
      return .setNote(
        Operation.Note(habitID: habitID, day: today.advanced(by: -ago), text: text, clientTime: clientTime(ago)))
    case .edit(.name, let name):
      return .editHabit(Operation.HabitEdit(habitID: habitID, fields: HabitFields(name: name), changed: [.name]))
    case .edit(.archived, let value):
      return .editHabit(
        Operation.HabitEdit(
          habitID: habitID, fields: HabitFields(name: "-", archived: value == "true"), changed: [.archived]))
    case .delete, .create: return .deleteHabit(habitID)
    }
  }

  private func name(_ id: StatementID) -> Reference.Name {
    guard id.source == StatementID.directCalls else {
      return Reference.Name(device: Int(id.source.low) - 1, seq: Int(id.seq))
    }
    return Reference.Name(device: direct, seq: (directSeqs.firstIndex(of: id.seq) ?? -1) + 1)
  }

  // MARK: Direct calls

  private mutating func callDirectly(_ action: Action, _ step: Step, by device: Int) -> Bool {
    let (reference, key) = (
      references[step.habit], CellKey(habitID: Self.habitID(step.habit), day: today.advanced(by: -step.ago))
    )
    let day = reference.days[step.ago]
    var what: Reference.What
    // A repetition of the last statement changes nothing; neither does one of what is not there.
    let isRepeated: Bool
    switch action {
    case .done(let note):
      what = .done(day: step.ago, note: note, judged: .counted)
      isRepeated =
        lastIsDirect(about: step) && !reference.isDeleted && day?.done == true && day?.trust == .counted
        && (note ?? day?.note) == day?.note
    case .undo:
      guard let day else { return false }
      what = .undo(day: step.ago, names: reference.standingNames(step.ago))
      isRepeated = !day.done
    case .note(let text):
      what = .note(day: step.ago, text: text)
      isRepeated = lastIsDirect(about: step) && !reference.isDeleted && day?.note == text
    case .name(let name):
      what = .edit(.name, name)
      isRepeated = !reference.isDeleted && reference.onlyDirectValue(of: .name) == name
    case .archived(let archived):
      what = .edit(.archived, archived ? "true" : "false")
      isRepeated = !reference.isDeleted && reference.onlyDirectValue(of: .archived) == (archived ? "true" : "false")
    case .delete: (what, isRepeated) = (.delete, reference.isDeleted)
    case .undoSome, .resolve, .direct, .pull: return false
    }
    let time = HybridTime(Self.now)
    var statement = Reference.Statement(
      name: Reference.Name(device: direct, seq: directSeqs.count + 1), time: time.packed, seen: delivered, what: what)
    if case .done(let ago, let note, _) = what, !isRepeated {
      let inherited = reference.inheritedTrust(of: statement, day: ago)
      what = .done(day: ago, note: note, judged: inherited ?? judge(ago, by: device))
      statement.what = what
    }
    var change = self.statement(of: what, habitID: key.habitID)
    if case .setCompletion(var completion) = change {
      if case .done(_, let note?, _) = what { completion.note = note == "" ? nil : note }
      completion.undone = nil
      change = .setCompletion(completion)
    }
    beginChange()
    let before = ledger.sources[StatementID.directCalls]?.lastSeq
    let outcome = ledger.applyDirectly(change, by: Self.deviceID(device), now: Self.now)
    if outcome.status == .rejected { failure = "rejected: \(outcome.rejection?.name ?? "")" }
    let after = ledger.sources[StatementID.directCalls]?.lastSeq
    if (before == after) != isRepeated { failure = "direct call \(action): a statement: \(before != after)" }
    guard let after, !isRepeated else { return true }
    directSeqs.append(after)
    delivered[direct] += 1
    references[step.habit].statements.append(statement)
    if Reference.day(of: statement) != nil { lastAbout[key] = direct }
    return true
  }

  /// The last statement about a day that arrived is of a direct call.
  private func lastIsDirect(about step: Step) -> Bool {
    lastAbout[CellKey(habitID: Self.habitID(step.habit), day: today.advanced(by: -step.ago))] == direct
  }

  private mutating func beginChange() {
    guard !isBatched else { return }
    ledger.readFullHabits(from: batch)
    ledger.commit()
    batch = ledger
  }

  // MARK: Delivering

  /// A device sends again a statement that another server had.
  mutating func sendAgain(_ stated: Made) { deliver(stated, by: stated.statement.name.device) }

  private mutating func deliver(_ stated: Made, by device: Int) {
    log.append(stated)
    var statement = stated.statement
    if case .done(let day, let note, _) = statement.what {
      let inherited = references[stated.habit].inheritedTrust(of: statement, day: day)
      statement.what = .done(day: day, note: note, judged: inherited ?? judge(day, by: device))
      noteOwn(stated, day, by: device)
    }
    if case .keepDone(let day) = statement.what { noteOwn(stated, day, by: device) }
    references[stated.habit].statements.append(statement)
    delivered[device] += 1
    if let ago = Reference.day(of: statement) {
      lastAbout[CellKey(habitID: Self.habitID(stated.habit), day: today.advanced(by: -ago))] = device
    }
    beginChange()
    let outcome = ledger.apply(stated.operation, by: Self.deviceID(device), now: Self.now)
    if outcome.status == .rejected { failure = "rejected: \(outcome.rejection?.name ?? "")" }
    ledger.advance(deviceID: Self.deviceID(device), to: stated.operation.seq)
  }

  private mutating func noteOwn(_ stated: Made, _ ago: Int, by device: Int) {
    let key = CellKey(habitID: Self.habitID(stated.habit), day: today.advanced(by: -ago))
    devices[device].own[key, default: []].append(StatementID(source: Self.deviceID(device), seq: stated.operation.seq))
  }

  private var failure: String?
  /// The device of the last statement about each day.
  private var lastAbout: [CellKey: Int] = [:]

  /// Specification.md, section 4, for a device whose offset is 0.
  private mutating func judge(_ ago: Int, by device: Int) -> CellTrust {
    if ago > 30 { return .quarantined(.tooOld) }
    let passed = Self.now - devices[device].caughtUp
    let caughtUpAgo = Int(today.number) - Int(devices[device].caughtUp.milliseconds / dayMilliseconds)
    guard ago <= caughtUpAgo + 1 else { return ago <= 2 ? .counted : .quarantined(.backfill) }
    if devices[device].claimed.contains(ago) { return .counted }
    guard devices[device].claimed.count < Int((passed + 14 * hour) / (24 * hour)) + 2 else {
      return .quarantined(.zoneHop)
    }
    devices[device].claimed.insert(ago)
    return .counted
  }

  // MARK: Judging

  /// The difference between the server's state and the reference; nil if there is none.
  /// - Parameter ignored: Conflicts of this kind are not compared.
  func difference(ignoring ignored: Notice.Kind? = nil) -> String? {
    if let failure { return failure }
    var ledger = ledger
    ledger.readFullHabits(from: batch)
    var digest = StateDigest.empty
    for (habit, reference) in references.enumerated() {
      let id = Self.habitID(habit)
      guard let state = ledger.habits[id] else { return "habit \(habit) is missing" }
      let isDeleted = reference.isDeleted
      if state.isDeleted != isDeleted { return "deleted: \(state.isDeleted), right: \(isDeleted)" }
      let fields = HabitFields(name: reference.value(of: .name), archived: reference.value(of: .archived) == "true")
      if !isDeleted && state.fields != fields { return "fields: \(state.fields), right: \(fields)" }
      if !isDeleted { digest += HabitState.itemDigest(habitID: id, fields) }
      let days = reference.days
      for (ago, day) in days {
        let key = CellKey(habitID: id, day: today.advanced(by: -ago))
        let right = CellContent(done: day.done, note: day.note, trust: day.trust)
        guard let cell = ledger.cells[key]?.cell else { return "day \(ago) is missing, right: \(right)" }
        if cell != right { return "day \(ago): \(cell), right: \(right)" }
        if !isDeleted { digest += CellState.itemDigest(key, right) }
      }
      let count = ledger.cells.keys.count { $0.habitID == id }
      if count != days.count { return "\(count) days, right: \(days.count)" }
      let counted = days.values.count { $0.done && $0.trust == .counted }
      if state.summary.total != counted { return "\(state.summary.total) days count, right: \(counted)" }
      let open = ledger.notices.values.filter {
        $0.habitID == id && !$0.isResolved && $0.kind != .streakHealed && $0.kind != ignored
      }
      .map(Reference.Conflict.init).sorted()
      let right = reference.conflicts.filter { $0.kind != ignored }
      if open != right { return "conflicts: \(open), right: \(right)" }
    }
    return digest == ledger.digest ? nil : "digest"
  }
}

extension Reference.Conflict {
  init(_ notice: Notice) {
    self.init(
      notice.kind, day: notice.day.map { $0.distance(to: today) }, field: notice.field?.rawValue,
      kept: notice.winningValue?.text ?? "archived",
      other: notice.losingValue?.text ?? "deleted", device: Int(notice.losingDeviceID?.low ?? 0) - 1)
  }
}
