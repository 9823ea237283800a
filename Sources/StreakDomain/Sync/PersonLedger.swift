/// One person's data as far as a change needs it, and what the change makes of it. The one place where operations are decided: for the
/// server (which loads what the operations touch), for the client and for the simulation (which have everything).
///
/// What is not in the dictionaries does not exist: whoever calls `apply` has loaded the habit, cell, notice and device that the operation
/// names. `changes` says what is to be stored.
public struct PersonLedger: Sendable {
  /// Most habits of one person, archived ones included.
  public static let habitsMaxDefault = 1_000

  public let epoch: Int64
  /// The number of the person's last change.
  public internal(set) var changeNumber: Int64
  public internal(set) var zones: ZoneUses
  /// Of everything that is visible: habits that are not deleted, and their cells.
  public internal(set) var digest: StateDigest
  /// Habits that are not deleted.
  public internal(set) var habitCount: Int
  public internal(set) var habits: [Identifier: HabitState] = [:]
  public internal(set) var cells: [CellKey: CellState] = [:]
  public internal(set) var notices: [Identifier: Notice] = [:]
  public internal(set) var devices: [Identifier: DeviceProgress] = [:]
  public internal(set) var changes = LedgerChanges()
  public let habitsMax: Int

  /// Summaries as they were before the first change.
  var originalSummaries: [Identifier: StreakSummary] = [:]
  /// Days that count since then and did not before, less those that no longer do.
  var countedBalance: [Identifier: Int] = [:]

  public init(
    epoch: Int64, changeNumber: Int64 = 0, zones: ZoneUses = ZoneUses(), digest: StateDigest = .empty,
    habitCount: Int = 0, habitsMax: Int = Self.habitsMaxDefault
  ) {
    self.epoch = epoch
    self.changeNumber = changeNumber
    self.zones = zones
    self.digest = digest
    self.habitCount = habitCount
    self.habitsMax = habitsMax
  }

  /// Adds something that was read. Not for what was changed already.
  public mutating func load(habit: HabitState, id: Identifier) { habits[id] = habit }
  public mutating func load(cell: CellState, key: CellKey) { cells[key] = cell }
  public mutating func load(notice: Notice, id: Identifier) { notices[id] = notice }
  public mutating func load(device: DeviceProgress, id: Identifier) { devices[id] = device }

  /// Decides one operation.
  ///
  /// - Parameters:
  ///   - deviceID: Whose operation it is.
  ///   - now: The server's clock, in milliseconds since 1970.
  ///   - makeID: Gives the id of a notice that comes of it.
  public mutating func apply(
    _ operation: Operation, by deviceID: Identifier, now: Int64, makeID: () -> Identifier
  ) -> OperationOutcome {
    do throws(OperationRejection) {
      guard let time = ClockRules.ordered(operation.time, now: now) else { throw .clockSkew }
      let seen = operation.seen.epoch == epoch ? operation.seen.changeNumber : 0
      guard (0...changeNumber).contains(seen) else { throw .changeUnknown }
      let author = Author(deviceID: deviceID, time: time, seenChangeNumber: seen)
      var outcome: OperationOutcome
      switch operation.change {
      case .setCompletion(let completion):
        outcome = try setCompletion(completion, by: author, now: now, makeID: makeID)
      case .editHabit(let edit): outcome = try editHabit(edit, by: author, now: now, makeID: makeID)
      case .deleteHabit(let habitID): outcome = try deleteHabit(habitID, by: author, now: now, makeID: makeID)
      case .resolveConflict(let resolution): outcome = try resolve(resolution, by: author, now: now)
      case .malformed: throw .malformed
      }
      outcome.seq = operation.seq
      return outcome
    } catch {
      return OperationOutcome(seq: operation.seq, status: .rejected, rejection: error)
    }
  }

  /// Decides one operation of a device that is connected and sees what the server holds: it has no place in a queue.
  public mutating func applyDirectly(
    _ change: Operation.Change, by deviceID: Identifier, now: Int64, makeID: () -> Identifier
  ) -> OperationOutcome {
    apply(
      Operation(
        seq: 0, time: HybridTime(milliseconds: now), seen: Cursor(epoch: epoch, changeNumber: changeNumber),
        change: change), by: deviceID, now: now, makeID: makeID)
  }

  /// Notes that a device's operations up to `seq` are decided.
  public mutating func advance(deviceID: Identifier, to seq: Int64) {
    devices[deviceID]?.lastSeq = seq
    changes.holdsDecisions = true
  }

  /// Notes that a device has nothing left to send.
  public mutating func finishCatchUp(of deviceID: Identifier, now: Int64) {
    guard devices[deviceID]?.finishCatchUp(now: now) == true else { return }
    changes.devices.insert(deviceID)
  }

  // MARK: Changes

  /// Allocates the number of a change that is about to be made.
  mutating func nextVersion() -> Int64 {
    changeNumber += 1
    return changeNumber
  }

  mutating func setCell(_ state: CellState, _ key: CellKey) {
    let previous = cells[key]
    cells[key] = state
    changes.noteCell(key, replacing: previous, by: state.stamp.version)
    guard var habit = habits[key.habitID] else { preconditionFailure("a cell of a habit that is not there") }
    if previous?.cell != state.cell {
      var change = CellState.itemDigest(key, state.cell)
      if let previous { change -= CellState.itemDigest(key, previous.cell) }
      changes.cellsBalance[key.habitID, default: .empty] += change
      if !habit.isDeleted { digest += change }
    }
    let isCompletion = state.cell.done && previous?.cell.done != true
    if isCompletion { habit.noteCompletion(state.stamp) }
    let (counts, counted) = (state.cell.counts, previous?.cell.counts ?? false)
    if counts != counted {
      if originalSummaries[key.habitID] == nil { originalSummaries[key.habitID] = habit.summary }
      countedBalance[key.habitID, default: 0] += counts ? 1 : -1
      if let summary = counts ? habit.summary.adding(key.day) : habit.summary.removing(key.day) {
        habit.summary = summary
      } else {
        changes.staleSummaries.insert(key.habitID)
      }
    }
    guard isCompletion || counts != counted else { return }
    habits[key.habitID] = habit
    changes.habits.insert(key.habitID)
  }

  /// Changes a habit other than by its cells, and keeps the digest true.
  mutating func setHabit(_ habit: HabitState, _ habitID: Identifier) {
    if let previous = habits[habitID] {
      digest -= previous.digest(habitID: habitID)
      if !previous.isDeleted { habitCount -= 1 }
      if previous.isDeleted != habit.isDeleted { moveCells(of: habitID, areShown: !habit.isDeleted) }
    }
    digest += habit.digest(habitID: habitID)
    if !habit.isDeleted { habitCount += 1 }
    habits[habitID] = habit
    changes.habits.insert(habitID)
    changes.editedHabits.insert(habitID)
  }

  /// The cells of a habit come and go with it: as far as they have changed they are known, the others once the change ends.
  private mutating func moveCells(of habitID: Identifier, areShown: Bool) {
    let balance = changes.cellsBalance[habitID] ?? .empty
    if areShown { digest += balance } else { digest -= balance }
    let times = (changes.shownBalance[habitID] ?? 0) + (areShown ? 1 : -1)
    changes.shownBalance[habitID] = times == 0 ? nil : times
  }

  mutating func setNotice(_ notice: Notice, _ id: Identifier) {
    notices[id] = notice
    changes.notices.insert(id)
  }

  // MARK: Ending

  /// Habits of which the summary alone did not tell: all counted days are needed, as stored before these changes.
  public var staleSummaries: Set<Identifier> { changes.staleSummaries }

  /// Gives the counted days of such a habit as they are stored.
  public mutating func setStoredCountedDays(_ stored: some Sequence<Day>, of habitID: Identifier) {
    var days = Set(stored)
    for key in changes.cells.keys where key.habitID == habitID {
      if cells[key]?.cell.counts == true { days.insert(key.day) } else { days.remove(key.day) }
    }
    habits[habitID]?.summary = StreakSummary(countedDays: days)
    changes.staleSummaries.remove(habitID)
  }

  /// Habits that were deleted or brought back, of which the digest of all cells is needed, as stored before these changes.
  public var staleDigests: Set<Identifier> { Set(changes.shownBalance.keys) }

  /// Gives the digest of all cells of such a habit as they are stored.
  public mutating func setStoredCellsDigest(_ stored: StateDigest, of habitID: Identifier) {
    switch changes.shownBalance.removeValue(forKey: habitID) {
    case 1: digest += stored
    case -1: digest -= stored
    default: break
    }
  }

  /// Something is to be given before the change can end.
  public var isStale: Bool { !changes.staleSummaries.isEmpty || !changes.shownBalance.isEmpty }

  /// Gives whatever is stale, from the state before these changes: for those who hold a person's whole state.
  public mutating func completeStale(from before: PersonLedger) {
    for habitID in staleSummaries {
      setStoredCountedDays(
        before.cells.filter { $0.key.habitID == habitID && $0.value.cell.counts }.keys.map(\.day), of: habitID)
    }
    for habitID in staleDigests {
      var stored = StateDigest.empty
      for (key, state) in before.cells where key.habitID == habitID { stored += CellState.itemDigest(key, state.cell) }
      setStoredCellsDigest(stored, of: habitID)
    }
  }

  /// Ends a change, once nothing is stale: adds the notices of healed streaks, and sees to it that whatever is stored has a change
  /// number of its own.
  public mutating func settle(now: Int64, makeID: () -> Identifier) {
    for (habitID, before) in originalSummaries.sorted(by: { $0.key < $1.key }) {
      noteHealing(of: habitID, before, now: now, makeID: makeID)
    }
    originalSummaries = [:]
    countedBalance = [:]
    if !changes.isEmpty && !changes.isVisible { changeNumber += 1 }
  }

  /// Goes on from here: what has changed so far was stored.
  public mutating func commit() { changes = LedgerChanges() }

  /// What later changes go on from, once the changes so far are stored: the same state, without changes and notices.
  public var settled: PersonLedger {
    var ledger = PersonLedger(
      epoch: epoch, changeNumber: changeNumber, zones: zones, digest: digest, habitCount: habitCount,
      habitsMax: habitsMax)
    (ledger.habits, ledger.cells, ledger.devices) = (habits, cells, devices)
    return ledger
  }

  /// A streak has healed if days that counted before are part of the current run again.
  private mutating func noteHealing(
    of habitID: Identifier, _ before: StreakSummary, now: Int64, makeID: () -> Identifier
  ) {
    guard let habit = habits[habitID], !habit.isDeleted, !habit.fields.archived, before.total > 0 else { return }
    let today = zones.today(now: now)
    let (was, isNow) = (before.streak(today: today), habit.summary.streak(today: today))
    guard isNow.current > was.current + max(0, countedBalance[habitID] ?? 0) else { return }
    setNotice(
      Notice(
        kind: .streakHealed, habitID: habitID, day: isNow.lastDay, kept: String(isNow.current),
        other: String(was.current), otherDeviceID: nil, madeAtMilliseconds: now, version: nextVersion(),
        isResolved: true), makeID())
  }
}

/// How far a device's operations have come.
public struct DeviceProgress: Equatable, Sendable {
  /// The last operation that was decided; 0: none.
  public var lastSeq: Int64
  public var catchUp: CatchUp

  /// A catch-up this much older than now is renewed although nothing was claimed since, in milliseconds: others are not worth a write.
  static let renewalMilliseconds: Int64 = 600_000

  public init(lastSeq: Int64 = 0, catchUp: CatchUp) {
    self.lastSeq = lastSeq
    self.catchUp = catchUp
  }

  /// - Returns: Whether anything has changed.
  mutating func finishCatchUp(now: Int64) -> Bool {
    let (age, overflow) = now.subtractingReportingOverflow(catchUp.caughtUpAtMilliseconds)
    guard !overflow, age > 0, age >= Self.renewalMilliseconds || catchUp.hasClaims else { return false }
    catchUp.finish(now: now)
    return true
  }
}

/// A state of a cell that was replaced before it was stored.
public struct PassingState: Equatable, Sendable {
  public var key: CellKey
  public var state: CellState
  /// The version of the state that came next.
  public var nextVersion: Int64
}

/// How a cell has changed.
public struct CellChange: Equatable, Sendable {
  /// The version of its first state that is new: of a cell that was not there before, the one that made it.
  public var firstVersion: Int64
  /// It existed before: its earlier state goes to the history.
  public var isReplacement: Bool
}

/// What a change is to store.
public struct LedgerChanges: Equatable, Sendable {
  public internal(set) var cells: [CellKey: CellChange] = [:]
  /// States that came and went within this change: they go to the history too.
  public internal(set) var passingStates: [PassingState] = []
  /// Habits, also those of which only the summary and the digest of their cells have changed.
  public internal(set) var habits: Set<Identifier> = []
  /// Those that were made, edited, deleted or brought back.
  public internal(set) var editedHabits: Set<Identifier> = []
  public internal(set) var notices: Set<Identifier> = []
  /// Devices whose allowance of days, or when they were caught up, has changed.
  public internal(set) var devices: Set<Identifier> = []
  /// Operations of devices' queues were decided. How far the queues have come needs no storing: the outcomes say it.
  public internal(set) var holdsDecisions = false
  /// The digest or the number of habits was wrong, and is set right.
  var isRecounted = false
  var staleSummaries: Set<Identifier> = []
  /// By habit: what the changes of its cells add to the digest of all of them.
  var cellsBalance: [Identifier: StateDigest] = [:]
  /// By habit: 1 if it was brought back, -1 if it was deleted.
  var shownBalance: [Identifier: Int] = [:]

  public init() {}

  public var isEmpty: Bool {
    cells.isEmpty && habits.isEmpty && notices.isEmpty && devices.isEmpty && !holdsDecisions && !isRecounted
  }

  mutating func noteCell(_ key: CellKey, replacing previous: CellState?, by version: Int64) {
    if let previous, cells[key] != nil {
      // Two days of a session may be one of the account: of one change only the last state counts.
      guard previous.stamp.version != version else { return }
      passingStates.append(PassingState(key: key, state: previous, nextVersion: version))
    } else {
      cells[key] = CellChange(firstVersion: version, isReplacement: previous != nil)
    }
  }

  /// Something has changed that devices show, and so has a change number.
  public var isVisible: Bool { !cells.isEmpty || !notices.isEmpty || !editedHabits.isEmpty }
}
