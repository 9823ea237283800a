/// A device's side of sync, without I/O: what it has received, what it still has to send, and what it keeps in case the server loses it.
///
/// What a person does takes effect here at once and works offline. The queue is sent in order, as often as it takes; outcomes and changes come
/// back with the same response. Belongs to one account: another account's data has a replica of its own, so nothing is ever sent under another.
public struct DeviceReplica: Equatable, Sendable {
  /// How long decided operations are kept for sending again after the server was restored, in milliseconds.
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
  /// Operations that are not decided, as far as this device knows. In order of their numbers, without gaps.
  public private(set) var queue: [Operation] = []
  /// Decided operations, the earliest first.
  public private(set) var kept: [Kept] = []
  /// Operations that were rejected, for the person to see, in the order in which they were made.
  public private(set) var rejected: [Rejected] = []

  public struct Kept: Equatable, Sendable {
    public var operation: Operation
    public var decidedAtMilliseconds: Int64

    public init(operation: Operation, decidedAtMilliseconds: Int64) {
      self.operation = operation
      self.decidedAtMilliseconds = decidedAtMilliseconds
    }
  }

  public struct FormerHabit: Equatable, Sendable {
    public var fields: HabitFields
    /// The operation that makes it anew; 0: there was no need yet.
    public var revivalSeq: Int64

    public init(fields: HabitFields, revivalSeq: Int64 = 0) {
      self.fields = fields
      self.revivalSeq = revivalSeq
    }
  }

  public struct Rejected: Equatable, Sendable {
    public var operation: Operation
    public var reason: OperationRejection

    public init(operation: Operation, reason: OperationRejection) {
      self.operation = operation
      self.reason = reason
    }
  }

  /// What has changed since `changesAreSaved`, for whoever keeps the replica.
  public private(set) var unsaved = ReplicaChanges()

  /// Habits of a life of the database that is over, until everything of it is sent again: the server may have lost one that another device has
  /// made and not sent again yet.
  public private(set) var formerHabits: [Identifier: FormerHabit] = [:]

  private var resume: [UInt8] = []
  private var lastSeq: Int64 = 0

  public init(userID: Identifier, deviceID: Identifier, clock: HybridClock = HybridClock()) {
    self.userID = userID
    self.deviceID = deviceID
    self.clock = clock
  }

  // MARK: What the person does

  /// Adds a change to the queue.
  /// - Parameter milliseconds: The device's wall clock, since 1970.
  @discardableResult
  public mutating func make(_ change: Operation.Change, milliseconds: Int64) -> Operation {
    lastSeq += 1
    let seen = Cursor(epoch: cursor.epoch, changeNumber: max(0, cursor.changeNumber))
    let operation = Operation(seq: lastSeq, time: clock.tick(milliseconds: milliseconds), seen: seen, change: change)
    queue.append(operation)
    unsaved.operations.insert(lastSeq)
    return operation
  }

  /// A day as the person sees it: what was received, with what is still in the queue.
  public func shownCell(_ key: CellKey) -> LedgerCell? {
    queue.reduce(cells[key]?.cell) { cell, operation in
      guard case .setCompletion(let wanted) = operation.change,
        CellKey(habitID: wanted.habitID, day: wanted.day) == key
      else { return cell }
      return Self.shown(wanted, over: cell)
    }
  }

  /// All days as the person sees them.
  public var shownCells: [CellKey: LedgerCell] {
    queue.reduce(into: cells.mapValues(\.cell)) { shown, operation in
      guard case .setCompletion(let wanted) = operation.change else { return }
      let key = CellKey(habitID: wanted.habitID, day: wanted.day)
      shown[key] = Self.shown(wanted, over: shown[key])
    }
  }

  private static func shown(_ wanted: Operation.Completion, over cell: LedgerCell?) -> LedgerCell? {
    guard wanted.done else { return cell.map { LedgerCell(done: false, note: $0.note, trust: $0.trust) } }
    return LedgerCell(done: true, note: wanted.note, trust: cell?.trust ?? .counted)
  }

  /// The habits as the person sees them.
  public var shownHabits: [Identifier: HabitFields] {
    queue.reduce(into: habits) { habits, operation in
      switch operation.change {
      case .editHabit(let edit):
        var fields = habits[edit.habitID] ?? edit.fields
        for field in edit.changed { fields.take(field, from: edit.fields) }
        habits[edit.habitID] = fields
      case .deleteHabit(let habitID): habits[habitID] = nil
      case .setCompletion, .resolveConflict, .malformed: break
      }
    }
  }

  /// The person has seen a notice.
  public mutating func forgetNotice(_ id: Identifier) {
    guard notices.removeValue(forKey: id) != nil else { return }
    unsaved.notices.insert(id)
  }

  /// The person has seen that an operation was rejected. Its hybrid time names it: numbers may begin anew.
  public mutating func forgetRejected(_ time: HybridTime) {
    rejected.removeAll { $0.operation.time == time }
    unsaved.rejected.insert(time)
  }

  // MARK: Sending

  /// What to send next. The same is sent again until it is answered.
  public var submission: SyncSubmission {
    let operations = Array(queue.prefix(Self.operationsMax))
    return SyncSubmission(
      userID: userID, cursor: cursor, resume: resume, operations: operations,
      nothingLeft: operations.count == queue.count)
  }

  /// Whether there is something to send, or more to fetch.
  public var isBehind: Bool { !queue.isEmpty || !resume.isEmpty }

  // MARK: Receiving

  /// What a response means for the device.
  public enum Receipt: Equatable, Sendable {
    case good
    /// The server's state is another than this device's although it has everything: it will pull all again.
    case diverged
    /// An answer to something older: nothing was taken from it.
    case outdated
  }

  /// Takes a response to a submission.
  /// - Parameters:
  ///   - sent: What it answers.
  ///   - milliseconds: The device's wall clock, since 1970.
  public mutating func receive(_ changes: SyncChanges, to sent: SyncSubmission, milliseconds: Int64) -> Receipt {
    // A late answer from a life of the database that is over: what it decided may be lost, and is sent again.
    guard changes.cursor.epoch >= cursor.epoch else { return .outdated }
    // No cursor was given in an epoch of 0.
    let isNewEpoch = changes.cursor.epoch != cursor.epoch && cursor.epoch != 0
    if isNewEpoch { keepFormerHabits() }
    settle(changes.outcomes, milliseconds: milliseconds)
    // Changes count from a cursor: an answer to another one does not fit. What it told will be told again.
    guard sent.cursor == cursor, sent.resume == resume else { return .outdated }
    if isNewEpoch { sendKeptAgain() }
    if changes.isReset { dropReceived() }
    take(changes)
    cursor = changes.cursor
    resume = changes.resume
    if !isBehind { dropFormerHabits() }
    guard let theirs = changes.digest, theirs != digest else { return .good }
    pullEverything()
    return .diverged
  }

  private mutating func settle(_ outcomes: [OperationOutcome], milliseconds: Int64) {
    for outcome in outcomes where outcome.seq == queue.first?.seq {
      let operation = queue.removeFirst()
      kept.append(Kept(operation: operation, decidedAtMilliseconds: milliseconds))
      unsaved.operations.insert(operation.seq)
      guard let reason = outcome.rejection else { continue }
      if reason == .habitNotFound, revive(operation, milliseconds: milliseconds) { continue }
      rejected.removeAll { $0.operation.time == operation.time }
      let place = rejected.firstIndex { operation.time < $0.operation.time } ?? rejected.endIndex
      rejected.insert(Rejected(operation: operation, reason: reason), at: place)
      unsaved.rejected.insert(operation.time)
    }
    let oldest = milliseconds - Self.keptMilliseconds
    if let first = kept.first, first.decidedAtMilliseconds < oldest {
      kept.removeAll { kept in
        guard kept.decidedAtMilliseconds < oldest else { return false }
        unsaved.operations.insert(kept.operation.seq)
        return true
      }
    }
  }

  /// Makes a habit anew that the server has lost, and states again what was rejected for want of it.
  private mutating func revive(_ operation: Operation, milliseconds: Int64) -> Bool {
    guard let habitID = operation.habitID, let former = formerHabits[habitID] else { return false }
    // Whatever was made after that is rejected for another reason, and for good.
    guard former.revivalSeq == 0 || operation.seq < former.revivalSeq else { return false }
    if former.revivalSeq == 0 {
      let edit = Operation.HabitEdit(habitID: habitID, fields: former.fields)
      let revival = make(.editHabit(edit), milliseconds: milliseconds)
      formerHabits[habitID]?.revivalSeq = revival.seq
      unsaved.formerHabits.insert(habitID)
    }
    make(operation.change, milliseconds: milliseconds)
    return true
  }

  private mutating func keepFormerHabits() {
    unsaved.formerHabits.formUnion(habits.keys)
    formerHabits.merge(habits.mapValues { FormerHabit(fields: $0) }) { $1 }
  }

  private mutating func dropFormerHabits() {
    guard !formerHabits.isEmpty else { return }
    unsaved.formerHabits.formUnion(formerHabits.keys)
    formerHabits = [:]
  }

  private mutating func take(_ changes: SyncChanges) {
    for id in changes.deletedHabits { dropHabit(id) }
    for habit in changes.habits {
      if let known = habits[habit.id] { digest -= HabitState.itemDigest(habitID: habit.id, known) }
      digest += HabitState.itemDigest(habitID: habit.id, habit.fields)
      habits[habit.id] = habit.fields
      unsaved.habits.insert(habit.id)
    }
    for cell in changes.cells {
      if let known = cells[cell.key] {
        guard known.version <= cell.version else { continue }
        digest -= CellState.itemDigest(cell.key, known.cell)
      }
      digest += CellState.itemDigest(cell.key, cell.cell)
      cells[cell.key] = cell
      unsaved.cells.insert(cell.key)
    }
    for told in changes.notices {
      notices[told.id] = told.notice
      unsaved.notices.insert(told.id)
    }
  }

  private mutating func dropHabit(_ id: Identifier) {
    guard let fields = habits.removeValue(forKey: id) else { return }
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
    habits = [:]
    cells = [:]
    notices = [:]
    digest = .empty
  }

  /// Forgets how far it has read. What was received stays to be seen until it is received again.
  private mutating func pullEverything() {
    cursor = Cursor(epoch: cursor.epoch, changeNumber: -1)
    resume = []
  }

  // MARK: When the server has lost something, or this device has

  /// The server was restored to an earlier moment: whatever it may have lost is sent again. What it has not lost gets its first outcome.
  private mutating func sendKeptAgain() {
    unsaved.operations.formUnion(kept.map(\.operation.seq))
    queue = kept.map(\.operation) + queue
    kept = []
  }

  /// What to do after the server has refused a submission.
  public enum Remedy: Equatable, Sendable {
    /// Send again.
    case sendAgain
    /// Register as a new device, under this account, and call `continueAsNewDevice`.
    case registerAnew
  }

  /// The server waits for another operation than the first one sent: it has lost some, which are sent again if they are still here.
  public mutating func expected(_ seq: Int64) -> Remedy {
    guard let place = kept.firstIndex(where: { $0.operation.seq == seq }) else { return .registerAnew }
    unsaved.operations.formUnion(kept[place...].map(\.operation.seq))
    queue = kept[place...].map(\.operation) + queue
    kept.removeSubrange(place...)
    return .sendAgain
  }

  /// Numbers the queue anew under a fresh id. Whoever was restored from an old copy, or lost what the server waits for, goes on so.
  ///
  /// - Parameter serverHasLost: The server does not know what it has decided (of this device, or as much as it waits for): all of it is queued
  ///   again. Otherwise this device is an old copy, and what it holds as decided is.
  public mutating func continueAsNewDevice(_ deviceID: Identifier, serverHasLost: Bool) {
    self.deviceID = deviceID
    unsaved.operations.formUnion((kept.map(\.operation) + queue).map(\.seq))
    if serverHasLost { sendKeptAgain() }
    kept = []
    for index in queue.indices { queue[index].seq = Int64(index + 1) }
    lastSeq = Int64(queue.count)
    unsaved.operations.formUnion(queue.map(\.seq))
    unsaved.formerHabits.formUnion(formerHabits.keys)
    formerHabits = formerHabits.mapValues { FormerHabit(fields: $0.fields) }
  }

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
  }

  /// Everything, to be kept.
  public var stored: StoredReplica {
    StoredReplica(
      userID: userID, deviceID: deviceID, clock: clock, habits: habits, cells: cells, notices: notices, digest: digest,
      cursor: cursor, resume: resume, queue: queue, kept: kept, rejected: rejected, lastSeq: lastSeq,
      formerHabits: formerHabits)
  }

  /// What is kept under a number: an operation, and when it was decided (nil: not yet); nil if nothing is.
  public func operation(_ seq: Int64) -> (operation: Operation, decidedAtMilliseconds: Int64?)? {
    if let first = queue.first?.seq, seq >= first {
      let place = Int(clamping: seq - first)
      return place < queue.count ? (queue[place], nil) : nil
    }
    guard let kept = kept.last(where: { $0.operation.seq == seq }) else { return nil }
    return (kept.operation, kept.decidedAtMilliseconds)
  }

  /// Whatever has changed until now is kept.
  public mutating func changesAreSaved() { unsaved = ReplicaChanges() }
}
