/// A device's side of sync, without I/O: what it has received, what it still has to send, and what
/// it keeps in case the server loses it.
///
/// What a person does takes effect here at once and works offline. The queue is sent in order, as
/// often as it takes; outcomes and changes come back with the same response. Belongs to one
/// account: another account's data has a replica of its own, so nothing is ever sent under another.
public struct DeviceReplica: Equatable, Sendable {
  /// How long decided operations are kept for sending again after the server was restored, in
  /// milliseconds.
  public static let keptMilliseconds: Int64 = 35 * 86_400_000
  /// Operations in one submission.
  public static let operationsMax = 200

  /// The account.
  public let userID: Identifier
  /// Under this id the operations are numbered.
  public private(set) var deviceID: Identifier
  public private(set) var clock: HybridClock
  /// What the server holds, as received.
  public private(set) var habits: [Identifier: HabitFields] = [:]
  public private(set) var cells: [CellKey: SyncChanges.Cell] = [:]
  public private(set) var notices: [Identifier: Notice] = [:]
  /// Of the above.
  public private(set) var digest = StateDigest.empty
  public private(set) var cursor = Cursor.start
  /// Operations that are not decided, as far as this device knows. In order of their numbers,
  /// without gaps.
  public private(set) var queue: [Operation] = []
  /// Decided operations, the earliest first.
  public private(set) var kept: [Kept] = []
  /// Operations that were rejected, for the person to see, in the order in which they were made.
  public private(set) var rejected: [Rejected] = []

  public struct Kept: Equatable, Sendable {
    public var operation: Operation
    public var decidedAt: Instant

    public init(operation: Operation, decidedAt: Instant) {
      self.operation = operation
      self.decidedAt = decidedAt
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

  /// What has changed since `changesAreSaved`.
  public private(set) var unsaved = ReplicaChanges()

  /// Habits that this device knew before the server lost something, until the server has them
  /// again.
  public private(set) var formerHabits: [Identifier: HabitFields] = [:]
  /// Habits that were deleted, and that operations name which the device still has: should the
  /// server lose both, these are stated before.
  public private(set) var deletedHabits: [Identifier: HabitFields] = [:]
  /// By an id that a habit had: the one that it has now. Operations that were made before name the
  /// former one.
  public private(set) var aliases: [Identifier: Identifier] = [:]
  /// What was seen with the last complete pull, besides this device's own operations.
  public private(set) var seen = SeenStatements.nothing
  /// When the person's day begins, in minutes after midnight, as received.
  public private(set) var dayStartMinutes: Int32 = 0

  /// Where a pull that takes several responses goes on; empty otherwise.
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

  /// An undo takes back what the device shows as done: what it has received, and its own
  /// operations.
  private func named(_ change: Operation.Change) -> Operation.Change {
    guard case .setCompletion(var wanted) = change, !wanted.done, wanted.undone == nil else { return change }
    let key = CellKey(habitID: wanted.habitID, day: wanted.day)
    let own = (kept.map(\.operation) + queue).filter { operation in
      switch operation.change {
      case .setCompletion(let made): made.done && meantKey(of: operation) == key
      case .resolveConflict(let resolution): !resolution.takesOther && isAbout(key, notices[resolution.noticeID])
      default: false
      }
    }
    let names = own.suffix(DayStatements.undoneMax / 2).map { StatementID(source: deviceID, seq: $0.seq) }
    let received = cells[key]?.completions.prefix(DayStatements.undoneMax / 2) ?? []
    // None: all that was seen is meant, as on the wire.
    let undone = Set(names + received).sorted()
    wanted.undone = undone.isEmpty ? nil : undone
    return .setCompletion(wanted)
  }

  /// A resolution that keeps a day done is a completion of it; of a notice that is gone nothing is
  /// known.
  private func isAbout(_ key: CellKey, _ notice: Notice?) -> Bool {
    guard let notice else { return true }
    return notice.kind == .doneConflict && notice.habitID == key.habitID && notice.day == key.day
  }

  /// The day that an operation is about, by the id that its habit has now.
  private func meantKey(of operation: Operation) -> CellKey? {
    operation.cellKey.map { CellKey(habitID: aliases[$0.habitID] ?? $0.habitID, day: $0.day) }
  }

  /// A day as the person sees it: what was received, with what is still in the queue.
  public func shownCell(_ key: CellKey) -> CellContent? {
    queue.reduce(cells[key]?.cell) { cell, operation in
      meantKey(of: operation) == key ? Self.shown(operation.change, over: cell) : cell
    }
  }

  /// All days as the person sees them.
  public var shownCells: [CellKey: CellContent] {
    queue.reduce(into: cells.mapValues(\.cell)) { shown, operation in
      guard let key = meantKey(of: operation) else { return }
      shown[key] = Self.shown(operation.change, over: shown[key])
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

  /// When the person's day begins, in minutes after midnight, as the person sees it.
  public var shownDayStartMinutes: Int32 {
    queue.reduce(dayStartMinutes) { minutes, operation in
      if case .setDayStart(let wanted) = operation.change { wanted } else { minutes }
    }
  }

  /// The habits as the person sees them.
  public var shownHabits: [Identifier: HabitFields] {
    queue.reduce(into: habits) { habits, operation in
      switch operation.change {
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

  /// The person has seen that an operation was rejected. Its hybrid time names it: numbers may
  /// begin anew.
  public mutating func forgetRejected(_ time: HybridTime) {
    rejected.removeAll { $0.operation.time == time }
    unsaved.rejected.insert(time)
  }

  // MARK: Sending

  /// Habits restated in one submission, besides those that its operations name.
  public static let restatedHabitsMax = 200

  /// What to send next. The same is sent again until it is answered.
  public var submission: SyncSubmission {
    let operations = Array(queue.prefix(Self.operationsMax))
    let named = Set(operations.compactMap(\.habitID))
    let restated = formerHabits.sorted { left, right in
      (named.contains(left.key) ? 0 : 1, left.key) < (named.contains(right.key) ? 0 : 1, right.key)
    }
    return SyncSubmission(
      userID: userID, cursor: cursor, resume: resume, operations: operations,
      nothingLeft: operations.count == queue.count,
      restatedHabits: restated.prefix(max(Self.restatedHabitsMax, named.count)).map {
        SyncChanges.Habit(id: $0.key, fields: $0.value, aliasOf: aliases[$0.key])
      },
      oldestKeptSeq: kept.first?.operation.seq ?? queue.first?.seq ?? 0,
      digest: resume.isEmpty && cursor.changeNumber > 0 ? digest : nil)
  }

  /// Whether there is something to send, or more to fetch.
  public var isBehind: Bool { !queue.isEmpty || !resume.isEmpty || !formerHabits.isEmpty }

  // MARK: Receiving

  /// What a response means for the device.
  public enum Receipt: Equatable, Sendable {
    case good
    /// The server's state is another than this device's although it has everything: it will pull
    /// all again.
    case diverged
    /// An answer to something older: nothing was taken from it.
    case outdated
  }

  /// Takes a response to a submission.
  /// - Parameters:
  ///   - sent: What it answers.
  ///   - now: The device's wall clock.
  public mutating func receive(_ changes: SyncChanges, to sent: SyncSubmission, at now: Instant) -> Receipt {
    // A late answer from a life of the database that is over: what it decided may be lost, and is
    // sent again. What was sent after the device had learned of its epoch is answered by the server
    // of now, also where that one's epoch is an earlier one (an old primary came back).
    guard changes.cursor.epoch.number >= cursor.epoch.number || sent.cursor.epoch == cursor.epoch else {
      return .outdated
    }
    // No cursor was given in an epoch of 0.
    let isNewEpoch = changes.cursor.epoch != cursor.epoch && cursor.epoch != .none
    if isNewEpoch && changes.isReset { keepFormerHabits() }
    for habit in sent.restatedHabits where formerHabits[habit.id] == habit.fields {
      formerHabits[habit.id] = nil
      unsaved.formerHabits.insert(habit.id)
    }
    settle(changes.outcomes, at: now)
    clock.observe(changes.latestTime)
    // The server holds less of this device than it had acknowledged: what it may have lost is sent
    // again.
    sendAgain(after: changes.lastSeq)
    // Changes count from a cursor: an answer to another one does not fit. What it told will be told
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

  private mutating func settle(_ outcomes: [OperationOutcome], at now: Instant) {
    for outcome in outcomes where outcome.seq == queue.first?.seq {
      let operation = queue.removeFirst()
      kept.append(Kept(operation: operation, decidedAt: now))
      unsaved.operations.insert(operation.seq)
      guard let reason = outcome.rejection else { continue }
      // The wall clock was a day or more ahead: what follows must not be ordered after that.
      if reason == .clockSkew, clock.last >= operation.time { clock = HybridClock() }
      rejected.removeAll { $0.operation.time == operation.time }
      let place = rejected.firstIndex { operation.time < $0.operation.time } ?? rejected.endIndex
      rejected.insert(Rejected(operation: operation, reason: reason), at: place)
      unsaved.rejected.insert(operation.time)
    }
    let oldest = now.advanced(byMilliseconds: -Self.keptMilliseconds)
    if let first = kept.first, first.decidedAt < oldest {
      kept.removeAll { kept in
        guard kept.decidedAt < oldest else { return false }
        unsaved.operations.insert(kept.operation.seq)
        return true
      }
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
    queue.contains { $0.habitID == id } || kept.contains { $0.operation.habitID == id }
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
      // Answers to another cursor were sorted out, and versions of another life of the database
      // cannot be compared.
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
    for told in changes.notices {
      notices[told.id] = told.notice
      unsaved.notices.insert(told.id)
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

  /// Forgets how far it has read. What was received stays to be seen until it is received again.
  private mutating func pullEverything() {
    cursor = Cursor(epoch: cursor.epoch, changeNumber: -1)
    resume = []
  }

  // MARK: When the server has lost something, or this device has

  /// The server holds this device's operations up to `seq`: those after it that are kept are sent
  /// again, as they were.
  private mutating func sendAgain(after seq: Int64) {
    guard let last = kept.last?.operation.seq, seq < last,
      let place = kept.firstIndex(where: { $0.operation.seq > seq })
    else { return }
    keepFormerHabits()
    unsaved.operations.formUnion(kept[place...].map(\.operation.seq))
    queue = kept[place...].map(\.operation) + queue
    kept.removeSubrange(place...)
  }

  /// What to do after the server has refused a submission.
  public enum Remedy: Equatable, Sendable {
    /// Send again.
    case sendAgain
    /// Register as a new device, under this account, and call `continueAsNewDevice`.
    case registerAnew
  }

  /// The server waits for another operation than the first one sent: it has lost some, which are
  /// sent again as far as they are still here. `SyncSubmission.oldestKeptSeq` says which are not.
  public mutating func expected(_ seq: Int64) -> Remedy {
    guard let last = kept.last?.operation.seq, seq <= last else { return .registerAnew }
    sendAgain(after: seq - 1)
    return .sendAgain
  }

  /// The server takes the cursor for none of its own: everything is pulled without one. What was
  /// received stays to be seen until then, and its habits are stated again, for who knows what that
  /// server holds.
  public mutating func cursorIsInvalid() {
    keepFormerHabits()
    cursor = .start
    resume = []
  }

  /// Numbers the queue anew under a fresh id: this device was restored from an old copy, and its
  /// numbers were used for other operations.
  public mutating func continueAsNewDevice(_ deviceID: Identifier) {
    unsaved.operations.formUnion((kept.map(\.operation) + queue).map(\.seq))
    kept = []
    let former = self.deviceID
    // What was decided of the former device's operations until the copy was made is another
    // device's now, and was seen.
    let decided = (queue.first?.seq ?? lastSeq + 1) - 1
    let formerSeen = SeenStatements(decided > 0 ? [StatementID(source: former, seq: decided)] : [])
    seen.formUnion(formerSeen)
    var renamed: [StatementID: StatementID] = [:]
    for index in queue.indices {
      let seq = Int64(index + 1)
      renamed[StatementID(source: former, seq: queue[index].seq)] = StatementID(source: deviceID, seq: seq)
      queue[index].seq = seq
      queue[index].seen.formUnion(formerSeen)
      guard case .setCompletion(var wanted) = queue[index].change, let undone = wanted.undone else { continue }
      wanted.undone = undone.map { renamed[$0] ?? $0 }
      queue[index].change = .setCompletion(wanted)
    }
    self.deviceID = deviceID
    lastSeq = Int64(queue.count)
    unsaved.operations.formUnion(queue.map(\.seq))
  }

  /// Something of this person's became part of the account by a call, as a migration: what is made
  /// from now on has seen it.
  public mutating func noteSeen(_ id: StatementID) { seen.formUnion(SeenStatements([id])) }

  // MARK: Storage

  /// What was received and queued, as it was kept.
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

  /// Everything, to be kept.
  public var stored: StoredReplica {
    StoredReplica(
      userID: userID, deviceID: deviceID, clock: clock, habits: habits, cells: cells, notices: notices, digest: digest,
      cursor: cursor, resume: resume, queue: queue, kept: kept, rejected: rejected, lastSeq: lastSeq,
      formerHabits: formerHabits, deletedHabits: deletedHabits, aliases: aliases, seen: seen,
      dayStartMinutes: dayStartMinutes)
  }

  /// What is kept under a number: an operation, and when it was decided (nil: not yet); nil if
  /// nothing is.
  public func operation(_ seq: Int64) -> (operation: Operation, decidedAt: Instant?)? {
    if let first = queue.first?.seq, seq >= first {
      let place = Int(clamping: seq - first)
      return place < queue.count ? (queue[place], nil) : nil
    }
    guard let kept = kept.last(where: { $0.operation.seq == seq }) else { return nil }
    return (kept.operation, kept.decidedAt)
  }

  /// Whatever has changed until now is kept.
  public mutating func changesAreSaved() { unsaved = ReplicaChanges() }
}
