/// A device's side of sync, without I/O: the received state, the queue, and the data that it keeps
/// in case the server loses it.
///
/// A person's changes take effect here at once and work offline. The queue is sent in order, with
/// repetitions if necessary; outcomes and changes arrive in the same response. A replica belongs to
/// one account, so nothing is ever sent for another account.
public struct DeviceReplica: Equatable, Sendable {
  /// How long decided operations are kept, to be sent again after a restore of the server, in
  /// milliseconds.
  public static let keptMilliseconds: Int64 = 35 * 86_400_000
  /// Most operations in one submission.
  public static let operationsMax = 200

  /// The account.
  public let userID: Identifier
  /// The device id of the operations' numbers.
  public private(set) var deviceID: Identifier
  public private(set) var clock: HybridClock
  /// The server's state, as received.
  public private(set) var habits: [Identifier: HabitFields] = [:]
  public private(set) var cells: [CellKey: SyncChanges.Cell] = [:]
  public private(set) var notices: [Identifier: Notice] = [:]
  /// The digest of the above.
  public private(set) var digest = StateDigest.empty
  public private(set) var cursor = Cursor.start
  /// Operations without a decision, as far as this device knows. In order of their numbers, without
  /// gaps.
  public private(set) var queue: [Operation] = []
  /// Decided operations, the earliest first.
  public private(set) var kept: [Kept] = []
  /// Operations that were rejected, for the person to see, in the order in which they were made.
  public private(set) var rejected: [Rejected] = []

  public struct Kept: Equatable, Sendable {
    public var operation: Operation
    public var decidedAt: Instant
    /// It was refused: it stated nothing.
    public var isRejected: Bool

    public init(operation: Operation, decidedAt: Instant, isRejected: Bool = false) {
      self.operation = operation
      self.decidedAt = decidedAt
      self.isRejected = isRejected
    }
  }

  public struct Rejected: Equatable, Sendable {
    public var operation: Operation
    public var reason: Reason

    public init(operation: Operation, reason: Reason) {
      self.operation = operation
      self.reason = reason
    }
  }

  /// The changes since `changesAreSaved`.
  public internal(set) var unsaved = ReplicaChanges()

  /// Habits that this device knew before the server lost data, until the server has them again.
  public private(set) var formerHabits: [Identifier: HabitFields] = [:]
  /// Deleted habits that operations of this device still name: if the server loses both, these are
  /// restated first.
  public private(set) var deletedHabits: [Identifier: HabitFields] = [:]
  /// The current id by each former id of a habit. Operations made earlier name the former one.
  public private(set) var aliases: [Identifier: Identifier] = [:]
  /// The sources known since the last complete pull, besides this device's own operations.
  public private(set) var seen = SeenStatements.nothing
  /// The start of the person's day, in minutes after midnight, as received.
  public private(set) var dayStartMinutes: Int32 = 0

  /// The position in a pull of several responses; empty otherwise.
  public private(set) var resume: [UInt8] = []
  /// The number of the operation that was made last.
  public private(set) var lastSeq: Int64 = 0

  public init(userID: Identifier, deviceID: Identifier, clock: HybridClock = HybridClock()) {
    self.userID = userID
    self.deviceID = deviceID
    self.clock = clock
  }

  // MARK: What the person does

  /// Adds a change to the queue.
  /// - Parameter now: The device's wall clock.
  @discardableResult
  public mutating func make(_ change: Operation.Change, at now: Instant) -> Operation {
    lastSeq += 1
    let operation = Operation(
      seq: lastSeq, time: clock.tick(at: now), seen: seen, change: named(change))
    queue.append(operation)
    unsaved.operations.insert(lastSeq)
    return operation
  }

  /// An undo takes back the completions that the device shows: received ones, and its own.
  private func named(_ change: Operation.Change) -> Operation.Change {
    if case .resolveConflict(var resolution) = change {
      resolution.statement = resolution.statement.map(named)
      return .resolveConflict(resolution)
    }
    guard case .setCompletion(var wanted) = change, !wanted.done, wanted.undone == nil else { return change }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    // A done day whose completions have no names here: the undo takes back all that are known.
    if let cell = cells[key], cell.cell.done, cell.completions.isEmpty { return change }
    let own = (kept.map(\.operation) + queue).filter { operation in
      guard case .setCompletion(let completion) = operation.change.stated else { return false }
      return completion.done && meantKey(of: operation) == key
    }
    let names = own.suffix(DayStatements.undoneMax / 2).map { StatementID(source: deviceID, seq: $0.seq) }
    let received = cells[key]?.completions.prefix(DayStatements.undoneMax / 2) ?? []
    // Empty means all known completions, as on the wire.
    let undone = Set(names + received).sorted()
    wanted.undone = undone.isEmpty ? nil : undone
    return .setCompletion(wanted)
  }

  /// The day that an operation is about, under its habit's current id.
  private func meantKey(of operation: Operation) -> CellKey? {
    operation.cellKey.map { CellKey(habitID: aliases[$0.habitID] ?? $0.habitID, day: $0.day) }
  }

  /// A day as the person sees it: the received state with the queue applied.
  public func shownCell(_ key: CellKey) -> CellContent? {
    queue.reduce(cells[key]?.cell) { cell, operation in
      meantKey(of: operation) == key ? Self.shown(operation.change.stated, over: cell) : cell
    }
  }

  /// All days as the person sees them.
  public var shownCells: [CellKey: CellContent] {
    queue.reduce(into: cells.mapValues(\.cell)) { shown, operation in
      guard let key = meantKey(of: operation) else { return }
      shown[key] = Self.shown(operation.change.stated, over: shown[key])
    }
  }

  private static func shown(_ change: Operation.Change, over cell: CellContent?) -> CellContent? {
    switch change {
    case .setCompletion(let wanted) where wanted.done:
      CellContent(done: true, note: wanted.note ?? cell?.note ?? "", trust: cell?.trust ?? .counted)
    case .setCompletion: cell.map { CellContent(done: false, note: $0.note, trust: $0.trust) }
    case .setNote(let wanted):
      CellContent(done: cell?.done ?? false, note: wanted.text, trust: cell?.trust ?? .counted)
    case .editHabit, .deleteHabit, .resolveConflict, .setDayStart, .malformed: cell
    }
  }

  /// The start of the person's day, in minutes after midnight, as the person sees it.
  public var shownDayStartMinutes: Int32 {
    queue.reduce(dayStartMinutes) { minutes, operation in
      if case .setDayStart(let wanted) = operation.change { wanted } else { minutes }
    }
  }

  /// The habits as the person sees them.
  public var shownHabits: [Identifier: HabitFields] {
    queue.reduce(into: habits) { habits, operation in
      switch operation.change.stated {
      case .editHabit(let edit):
        let habitID = aliases[edit.habitID] ?? edit.habitID
        var fields = habits[habitID] ?? edit.fields
        for field in edit.changed { fields.take(field, from: edit.fields) }
        habits[habitID] = fields
      case .deleteHabit(let habitID): habits[aliases[habitID] ?? habitID] = nil
      case .setCompletion, .setNote, .resolveConflict, .setDayStart, .malformed: break
      }
    }
  }

  /// The person has seen a notice.
  public mutating func forgetNotice(_ id: Identifier) {
    guard notices.removeValue(forKey: id) != nil else { return }
    unsaved.notices.insert(id)
  }

  /// The person has seen that an operation was rejected. The hybrid time identifies it, because
  /// numbers may start anew.
  public mutating func forgetRejected(_ time: HybridTime) {
    rejected.removeAll { $0.operation.time == time }
    unsaved.rejected.insert(time)
  }

  /// Takes over what a server has rejected of another account of the same person.
  public mutating func takeRejected(from other: DeviceReplica) {
    rejected = (rejected + other.rejected).sorted { $0.operation.time < $1.operation.time }
    unsaved.rejected.formUnion(other.rejected.map(\.operation.time))
  }

  // MARK: Sending

  /// Most habits restated in one submission, besides those that its operations name.
  public static let restatedHabitsMax = 200

  /// The next submission. It stays the same until it is answered.
  public var submission: SyncSubmission {
    let operations = Array(queue.prefix(Self.operationsMax))
    // An alias needs the habit that it is one of.
    let named = Set(operations.compactMap(\.habitID).flatMap { [$0, aliases[$0] ?? $0] })
    let restated = formerHabits.sorted { left, right in
      (named.contains(left.key) ? 0 : 1, left.key) < (named.contains(right.key) ? 0 : 1, right.key)
    }
    return SyncSubmission(
      userID: userID, cursor: cursor, resume: resume, operations: operations,
      queueDrained: operations.count == queue.count,
      restatedHabits: restated.prefix(max(Self.restatedHabitsMax, named.count)).map {
        SyncChanges.Habit(id: $0.key, fields: $0.value, aliasOf: aliases[$0.key])
      },
      oldestKeptSeq: kept.first?.operation.seq ?? queue.first?.seq ?? 0,
      acknowledgedSeq: (queue.first?.seq ?? lastSeq + 1) - 1,
      digest: resume.isEmpty && cursor.changeNumber > 0 ? digest : nil)
  }

  /// Whether there is something to send, or more to fetch.
  public var isBehind: Bool { !queue.isEmpty || !resume.isEmpty || !formerHabits.isEmpty }

  // MARK: Receiving

  /// The meaning of a response for the device.
  public enum Receipt: Equatable, Sendable {
    case good
    /// The server's state differs from this device's although everything was received: all data
    /// will be pulled again.
    case diverged
    /// An answer to an older submission: it had no effect.
    case outdated
  }

  /// Takes a response to a submission.
  ///
  /// - Parameters:
  ///   - sent: The answered submission.
  ///   - now: The device's wall clock.
  public mutating func receive(_ changes: SyncChanges, to sent: SyncSubmission, at now: Instant) -> Receipt {
    // A late answer from an earlier epoch of the database: its decisions may be lost, and the
    // operations are sent again. A submission made after the device had learned the epoch is
    // answered by the current server, also if that server's epoch is an earlier one (an old primary
    // came back).
    guard changes.cursor.epoch.number >= cursor.epoch.number || sent.cursor.epoch == cursor.epoch else {
      return .outdated
    }
    // No cursor is issued in epoch 0.
    let isNewEpoch = changes.cursor.epoch != cursor.epoch && cursor.epoch != .none
    // Also in the same epoch: a database that went back may lack habits.
    if changes.isReset { keepFormerHabits() }
    // The state is equal, but the server may hold other completions of the same days: the names
    // that this device knows are not all.
    if isNewEpoch && !changes.isReset { forgetCompletions() }
    for habit in sent.restatedHabits where formerHabits[habit.id] == habit.fields {
      formerHabits[habit.id] = nil
      unsaved.formerHabits.insert(habit.id)
    }
    applyOutcomes(changes.outcomes, at: now)
    clock.observe(changes.latestTime)
    // The server holds less of this device than it had acknowledged: operations that it may have
    // lost are sent again.
    sendAgain(after: changes.lastSeq)
    // Changes count from a cursor: an answer to another one does not fit. Its content will be sent
    // again.
    guard sent.cursor == cursor, sent.resume == resume else { return .outdated }
    if changes.isReset || sent.cursor == .start { dropReceived() }
    take(changes)
    cursor = changes.cursor
    resume = changes.resume
    if let seen = changes.seen { self.seen = seen }
    guard let theirs = changes.digest, theirs != digest else { return .good }
    pullEverything()
    return .diverged
  }

  private mutating func applyOutcomes(_ outcomes: [OperationOutcome], at now: Instant) {
    for outcome in outcomes where outcome.seq == queue.first?.seq {
      let operation = queue.removeFirst()
      kept.append(Kept(operation: operation, decidedAt: now, isRejected: outcome.status == .rejected))
      unsaved.operations.insert(operation.seq)
      guard let reason = outcome.rejection else { continue }
      // The wall clock was a day or more ahead: later operations must not be ordered after that.
      if reason == .clockSkew, clock.last >= operation.time { clock = HybridClock() }
      rejected.removeAll { $0.operation.time == operation.time }
      let place = rejected.firstIndex { operation.time < $0.operation.time } ?? rejected.endIndex
      rejected.insert(Rejected(operation: operation, reason: reason), at: place)
      unsaved.rejected.insert(operation.time)
    }
    let oldest = now.advanced(byMilliseconds: -Self.keptMilliseconds)
    if let first = kept.first, first.decidedAt < oldest {
      for decided in kept where decided.decidedAt < oldest { unsaved.operations.insert(decided.operation.seq) }
      kept.removeAll { $0.decidedAt < oldest }
      for id in deletedHabits.keys where !namesHabit(id) { forgetDeletedHabit(id) }
    }
  }

  private mutating func keepFormerHabits() {
    for (id, fields) in deletedHabits.merging(habits, uniquingKeysWith: { $1 }) {
      unsaved.formerHabits.insert(id)
      formerHabits[id] = fields
    }
  }

  /// Whether an operation that the device still has names a habit.
  private func namesHabit(_ id: Identifier) -> Bool {
    func isNamed(_ named: Identifier?) -> Bool { named == id || named.flatMap { aliases[$0] } == id }
    return queue.contains { isNamed($0.habitID) } || kept.contains { isNamed($0.operation.habitID) }
  }

  private mutating func noteDeletedHabit(_ id: Identifier, _ fields: HabitFields) {
    guard namesHabit(id) else { return }
    deletedHabits[id] = fields
    unsaved.deletedHabits.insert(id)
  }

  private mutating func forgetDeletedHabit(_ id: Identifier) {
    if deletedHabits.removeValue(forKey: id) != nil { unsaved.deletedHabits.insert(id) }
  }

  private mutating func take(_ changes: SyncChanges) {
    for id in changes.deletedHabits { dropHabit(id) }
    for (id, habitID) in changes.aliases {
      aliases[id] = habitID
      unsaved.aliases.insert(id)
      if formerHabits.removeValue(forKey: id) != nil { unsaved.formerHabits.insert(id) }
    }
    for habit in changes.habits {
      if aliases.removeValue(forKey: habit.id) != nil { unsaved.aliases.insert(habit.id) }
      if let known = habits[habit.id] { digest -= HabitState.itemDigest(habitID: habit.id, known) }
      digest += HabitState.itemDigest(habitID: habit.id, habit.fields)
      habits[habit.id] = habit.fields
      unsaved.habits.insert(habit.id)
      if formerHabits.removeValue(forKey: habit.id) != nil { unsaved.formerHabits.insert(habit.id) }
      forgetDeletedHabit(habit.id)
    }
    for cell in changes.cells {
      // Answers to other cursors were dropped above, and versions of different epochs cannot be
      // compared.
      if let known = cells[cell.key] {
        digest -= CellState.itemDigest(cell.key, known.cell)
      }
      digest += CellState.itemDigest(cell.key, cell.cell)
      cells[cell.key] = cell
      unsaved.cells.insert(cell.key)
    }
    if let minutes = changes.dayStartMinutes {
      digest -= AccountSettings.itemDigest(dayStartMinutes: dayStartMinutes)
      digest += AccountSettings.itemDigest(dayStartMinutes: minutes)
      dayStartMinutes = minutes
    }
    for entry in changes.notices {
      notices[entry.id] = entry.notice
      unsaved.notices.insert(entry.id)
    }
  }

  private mutating func dropHabit(_ id: Identifier) {
    guard let fields = habits.removeValue(forKey: id) else { return }
    noteDeletedHabit(id, fields)
    digest -= HabitState.itemDigest(habitID: id, fields)
    unsaved.habits.insert(id)
    for (key, cell) in cells where key.habitID == id {
      unsaved.cells.insert(key)
      digest -= CellState.itemDigest(key, cell.cell)
      cells[key] = nil
    }
  }

  private mutating func forgetCompletions() {
    for (key, cell) in cells where !cell.completions.isEmpty {
      cells[key]?.completions = []
      unsaved.cells.insert(key)
    }
  }

  private mutating func dropReceived() {
    unsaved.habits.formUnion(habits.keys)
    unsaved.cells.formUnion(cells.keys)
    unsaved.notices.formUnion(notices.keys)
    for (id, fields) in habits { noteDeletedHabit(id, fields) }
    habits = [:]
    cells = [:]
    notices = [:]
    dayStartMinutes = 0
    digest = .empty
  }

  /// Resets the position of reading. The received state stays visible until it is received again.
  private mutating func pullEverything() {
    cursor = Cursor(epoch: cursor.epoch, changeNumber: -1)
    resume = []
  }

  // MARK: When the server has lost something, or this device has

  /// The server holds this device's operations up to `seq`: later ones that are kept are sent
  /// again, unchanged.
  private mutating func sendAgain(after seq: Int64) {
    guard let last = kept.last?.operation.seq, seq < last,
      let place = kept.firstIndex(where: { $0.operation.seq > seq })
    else { return }
    keepFormerHabits()
    unsaved.operations.formUnion(kept[place...].map(\.operation.seq))
    queue = kept[place...].map(\.operation) + queue
    kept.removeSubrange(place...)
  }

  /// The next step after the server has refused a submission.
  public enum Remedy: Equatable, Sendable {
    /// Send again.
    case sendAgain
    /// Register as a new device, under this account, and call `continueAsNewDevice`.
    case registerAnew
  }

  /// The server expects another operation than the first one sent: it has lost some, which are sent
  /// again as far as they are still here. `SyncSubmission.oldestKeptSeq` names the first of them.
  public mutating func expected(_ seq: Int64) -> Remedy {
    guard let last = kept.last?.operation.seq, seq <= last else { return .registerAnew }
    sendAgain(after: seq - 1)
    return .sendAgain
  }

  /// The server did not issue the cursor: everything is pulled without one. The received state
  /// stays visible until then, and its habits are restated, because the server may lack them.
  public mutating func cursorIsInvalid() {
    keepFormerHabits()
    cursor = .start
    resume = []
  }

  /// Numbers the queue anew under a new id: this device was restored from an old copy, and its
  /// numbers were used for other operations.
  public mutating func continueAsNewDevice(_ deviceID: Identifier) {
    unsaved.operations.formUnion((kept.map(\.operation) + queue).map(\.seq))
    kept = []
    let former = self.deviceID
    // The former device's operations that were decided before the copy was made belong to another
    // device now, and are known.
    let decided = (queue.first?.seq ?? lastSeq + 1) - 1
    let formerSeen = SeenStatements(decided > 0 ? [StatementID(source: former, seq: decided)] : [])
    seen.formUnion(formerSeen)
    var renamed: [StatementID: StatementID] = [:]
    for index in queue.indices {
      let seq = Int64(index + 1)
      renamed[StatementID(source: former, seq: queue[index].seq)] = StatementID(source: deviceID, seq: seq)
      queue[index].seq = seq
      queue[index].seen.formUnion(formerSeen)
      queue[index].change = queue[index].change.namingUndone(asWell: renamed)
    }
    self.deviceID = deviceID
    lastSeq = Int64(queue.count)
    unsaved.operations.formUnion(queue.map(\.seq))
  }

  /// Data of this person became part of the account by a call, such as a migration: later
  /// statements know it.
  public mutating func noteSeen(_ id: StatementID) { seen.formUnion(SeenStatements([id])) }

  // MARK: Storage

  /// The received state and the queue, as stored.
  public init(restoring stored: StoredReplica) {
    self.init(userID: stored.userID, deviceID: stored.deviceID, clock: stored.clock)
    habits = stored.habits
    cells = stored.cells
    notices = stored.notices
    digest = stored.digest
    cursor = stored.cursor
    resume = stored.resume
    queue = stored.queue.sorted { $0.seq < $1.seq }
    kept = stored.kept.sorted { $0.operation.seq < $1.operation.seq }
    rejected = stored.rejected.sorted { $0.operation.time < $1.operation.time }
    lastSeq = stored.lastSeq
    formerHabits = stored.formerHabits
    deletedHabits = stored.deletedHabits
    aliases = stored.aliases
    seen = stored.seen
    dayStartMinutes = stored.dayStartMinutes
  }

  /// Everything, for storage.
  public var stored: StoredReplica {
    StoredReplica(
      userID: userID, deviceID: deviceID, clock: clock, habits: habits, cells: cells, notices: notices, digest: digest,
      cursor: cursor, resume: resume, queue: queue, kept: kept, rejected: rejected,
      lastSeq: lastSeq, formerHabits: formerHabits, deletedHabits: deletedHabits, aliases: aliases, seen: seen,
      dayStartMinutes: dayStartMinutes)
  }

  /// The operation with a number, when it was decided (nil: not yet), and whether it was refused;
  /// nil if there is none.
  public func operation(_ seq: Int64) -> (operation: Operation, decidedAt: Instant?, isRejected: Bool)? {
    if let first = queue.first?.seq, seq >= first {
      let place = Int(clamping: seq - first)
      return place < queue.count ? (queue[place], nil, false) : nil
    }
    guard let kept = kept.last(where: { $0.operation.seq == seq }) else { return nil }
    return (kept.operation, kept.decidedAt, kept.isRejected)
  }

  /// All changes so far are stored.
  public mutating func changesAreSaved() { unsaved = ReplicaChanges() }
}
