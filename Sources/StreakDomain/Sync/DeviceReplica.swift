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
  /// Operations that were rejected, for the person to see.
  public private(set) var rejected: [Rejected] = []

  public struct Kept: Equatable, Sendable {
    public var operation: Operation
    public var decidedAtMilliseconds: Int64
  }

  public struct Rejected: Equatable, Sendable {
    public var operation: Operation
    public var reason: OperationRejection
  }

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
    return operation
  }

  /// A day as the person sees it: what was received, with what is still in the queue.
  public func shownCell(_ key: CellKey) -> LedgerCell? {
    queue.reduce(cells[key]?.cell) { cell, operation in
      guard case .setCompletion(let wanted) = operation.change,
        CellKey(habitID: wanted.habitID, day: wanted.day) == key
      else { return cell }
      guard wanted.done else { return cell.map { LedgerCell(done: false, note: $0.note, trust: $0.trust) } }
      return LedgerCell(done: true, note: wanted.note, trust: cell?.trust ?? .counted)
    }
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
  public mutating func forgetNotice(_ id: Identifier) { notices[id] = nil }

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
    settle(changes.outcomes, milliseconds: milliseconds)
    // Changes count from a cursor: an answer to another one does not fit. What it told will be told again.
    guard sent.cursor == cursor, sent.resume == resume else { return .outdated }
    if changes.cursor.epoch != cursor.epoch && cursor.epoch != 0 { sendKeptAgain() }
    if changes.isReset { dropReceived() }
    take(changes)
    cursor = changes.cursor
    resume = changes.resume
    guard let theirs = changes.digest, theirs != digest else { return .good }
    pullEverything()
    return .diverged
  }

  private mutating func settle(_ outcomes: [OperationOutcome], milliseconds: Int64) {
    for outcome in outcomes where outcome.seq == queue.first?.seq {
      let operation = queue.removeFirst()
      kept.append(Kept(operation: operation, decidedAtMilliseconds: milliseconds))
      if let reason = outcome.rejection { rejected.append(Rejected(operation: operation, reason: reason)) }
    }
    let oldest = milliseconds - Self.keptMilliseconds
    if let first = kept.first, first.decidedAtMilliseconds < oldest {
      kept.removeAll { $0.decidedAtMilliseconds < oldest }
    }
  }

  private mutating func take(_ changes: SyncChanges) {
    for id in changes.deletedHabits { dropHabit(id) }
    for habit in changes.habits {
      if let known = habits[habit.id] { digest -= HabitState.itemDigest(habitID: habit.id, known) }
      digest += HabitState.itemDigest(habitID: habit.id, habit.fields)
      habits[habit.id] = habit.fields
    }
    for cell in changes.cells {
      if let known = cells[cell.key] {
        guard known.version <= cell.version else { continue }
        digest -= CellState.itemDigest(cell.key, known.cell)
      }
      digest += CellState.itemDigest(cell.key, cell.cell)
      cells[cell.key] = cell
    }
    for told in changes.notices { notices[told.id] = told.notice }
  }

  private mutating func dropHabit(_ id: Identifier) {
    guard let fields = habits.removeValue(forKey: id) else { return }
    digest -= HabitState.itemDigest(habitID: id, fields)
    for (key, cell) in cells where key.habitID == id {
      digest -= CellState.itemDigest(key, cell.cell)
      cells[key] = nil
    }
  }

  private mutating func dropReceived() {
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
    if serverHasLost { sendKeptAgain() }
    kept = []
    for index in queue.indices { queue[index].seq = Int64(index + 1) }
    lastSeq = Int64(queue.count)
  }
}
