/// The part of a person's data that a change needs, and the change's result. The only place where
/// operations are decided: for the server (which loads the data that the operations touch), for the
/// client and for the simulation (which have everything).
///
/// Data that is not in the dictionaries does not exist: the caller of `apply` has loaded the habit,
/// cell and notice that the operation names, and for a deletion the habit's activity. `changes`
/// contains the data to store.
public struct PersonLedger: Sendable {
  /// Most habits of one person, archived ones included.
  public static let habitsMaxDefault = 1_000

  public let epoch: Epoch
  /// The number of the person's last change.
  public internal(set) var changeNumber: Int64
  public internal(set) var zones: RecentTimeZones
  /// The digest of everything visible: habits that are not deleted, and their cells.
  public internal(set) var digest: StateDigest
  /// Habits that are not deleted.
  public internal(set) var habitCount: Int
  public internal(set) var habits: [Identifier: HabitState] = [:]
  public internal(set) var cells: [CellKey: CellState] = [:]
  public internal(set) var notices: [Identifier: Notice] = [:]
  /// The last statement of each source.
  public internal(set) var sources: Sources
  public internal(set) var settings: AccountSettings
  /// What the change in progress needs. Copies of the ledger share it: most of them are made after
  /// the change.
  private var pending = CopyOnWrite<PendingChange>.empty
  public let habitsMax: Int
  /// The storage use of the person's data, and its quotas.
  public internal(set) var use: StorageUse
  public let quotas: StorageQuotas
  /// Earlier days are the account's early days (`DayRules.firstDay`).
  public let firstDay: Day

  /// The data to store.
  public internal(set) var changes: LedgerChanges {
    _read { yield pending.value.changes }
    _modify { yield &pending.value.changes }
  }
  var loadedActivity: [Identifier: [StatementID]] {
    _read { yield pending.value.loadedActivity }
    _modify { yield &pending.value.loadedActivity }
  }
  var wholeHabits: Set<Identifier> {
    _read { yield pending.value.wholeHabits }
    _modify { yield &pending.value.wholeHabits }
  }
  private var originalSummaries: [Identifier: StreakSummary] {
    _read { yield pending.value.originalSummaries }
    _modify { yield &pending.value.originalSummaries }
  }
  private var countedBalance: [Identifier: Int] {
    _read { yield pending.value.countedBalance }
    _modify { yield &pending.value.countedBalance }
  }

  public init(
    epoch: Epoch, firstDay: Day, changeNumber: Int64 = 0, zones: RecentTimeZones = RecentTimeZones(),
    digest: StateDigest = .empty,
    habitCount: Int = 0, sources: Sources = Sources(), settings: AccountSettings = AccountSettings(),
    habitsMax: Int = Self.habitsMaxDefault, use: StorageUse = StorageUse(), quotas: StorageQuotas = StorageQuotas()
  ) {
    self.epoch = epoch
    self.firstDay = firstDay
    self.changeNumber = changeNumber
    self.zones = zones
    self.digest = digest
    self.habitCount = habitCount
    self.sources = sources
    self.settings = settings
    self.habitsMax = habitsMax
    self.use = use
    self.quotas = quotas
  }

  /// Adds an item that was read. Not for items that were changed already.
  public mutating func load(habit: HabitState, id: Identifier) { habits[id] = habit }
  public mutating func load(cell: CellState, key: CellKey) { cells[key] = cell }
  public mutating func load(notice: Notice, id: Identifier) { notices[id] = notice }
  /// The standing statements about a habit's stored days: needed before a habit is deleted, and
  /// before a change of one that was deleted once.
  public mutating func load(activity: [StatementID], of habitID: Identifier) { loadedActivity[habitID] = activity }
  /// Habits for which `load(activity:of:)` must be called before these changes.
  public func habitsWithActivity(in changes: some Sequence<Operation.Change>) -> Set<Identifier> {
    var found: Set<Identifier> = []
    for change in changes {
      let change = resolved(change).stated
      switch change {
      case .deleteHabit(let habitID): found.insert(habitID)
      case .resolveConflict(let resolution):
        if let notice = notices[resolution.noticeID] { found.insert(notice.habitID) }
      case .setCompletion, .setNote, .editHabit:
        if let habitID = change.habitID, let habit = habits[habitID], habit.hasDeletions { found.insert(habitID) }
      case .setDayStart, .malformed: break
      }
    }
    return found.filter { habits[$0] != nil }
  }

  /// Adds a device that is caught up now.
  public mutating func register(deviceID: Identifier, now: Instant) { sources.register(deviceID, now: now) }

  /// Decides one operation of a device's queue.
  ///
  /// - Parameters:
  ///   - deviceID: The device that made it.
  ///   - now: The server's clock.
  ///   - clock: The rules for the device's times; nil: the device's clock at sending is unknown.
  public mutating func apply(
    _ operation: Operation, by deviceID: Identifier, now: Instant, clock: ClockRules? = nil
  ) -> OperationOutcome {
    do throws(Reason) {
      guard operation.seen.last.count <= Sources.countMax else { throw .invalidField }
      guard let time = (clock ?? ClockRules(now: now)).ordered(operation.time) else { throw .clockSkew }
      let author = Author(
        stamp: Stamp(time: time, id: StatementID(source: deviceID, seq: operation.seq)), seen: operation.seen,
        ahead: sources.missing(of: operation.seen))
      var outcome = try decide(operation.change, by: author, deviceID: deviceID, now: now)
      outcome.seq = operation.seq
      return outcome
    } catch {
      return OperationOutcome(seq: operation.seq, status: .rejected, rejection: error)
    }
  }

  /// Decides one operation of a connected device that knows the server's state: it has no place in
  /// a queue.
  public mutating func applyDirectly(
    _ change: Operation.Change, by deviceID: Identifier, now: Instant
  ) -> OperationOutcome {
    let id = StatementID(source: StatementID.directCalls, seq: sources.nextDirectCall(now: now))
    let author = Author(stamp: Stamp(time: HybridTime(now), id: id), seen: .everything)
    do throws(Reason) {
      guard !changesNothing(resolved(change), now: now) else {
        return OperationOutcome(
          seq: 0, status: .applied, trust: resolved(change).cellKey.flatMap { cells[$0]?.cell.trust })
      }
      let outcome = try decide(change, by: author, deviceID: deviceID, now: now)
      if changes.isVisible { sources.advance(id.source, to: id.seq) }
      return outcome
    } catch {
      return OperationOutcome(seq: 0, status: .rejected, rejection: error)
    }
  }

  mutating func decide(
    _ change: Operation.Change, by author: Author, deviceID: Identifier, now: Instant
  ) throws(Reason) -> OperationOutcome {
    switch resolved(change) {
    case .setCompletion(let completion) where completion.done:
      try complete(completion, by: author, deviceID: deviceID, now: now)
    case .setCompletion(let completion): try undo(completion, by: author, now: now)
    case .setNote(let note): try setNote(note, by: author, now: now)
    case .editHabit(let edit): try editHabit(edit, by: author, now: now)
    case .deleteHabit(let habitID): try deleteHabit(habitID, by: author, now: now)
    case .resolveConflict(let resolution): try resolve(resolution, by: author, deviceID: deviceID, now: now)
    case .setDayStart(let minutes): try setDayStart(minutes, by: author)
    case .malformed: throw .invalidField
    }
  }

  /// Records that a device's operations up to `seq` are decided.
  public mutating func advance(deviceID: Identifier, to seq: Int64) {
    sources.advance(deviceID, to: seq)
    changes.holdsDecisions = true
  }

  /// Records that a device's queue is empty.
  public mutating func finishBackfill(of deviceID: Identifier, now: Instant) {
    guard sources.finishBackfill(of: deviceID, now: now) else { return }
    changes.isHeadChanged = true
  }

  // MARK: Changes

  /// Allocates the number of a change that is about to be made.
  mutating func nextVersion() -> Int64 {
    changeNumber += 1
    return changeNumber
  }

  /// Stores the result of a day's statements.
  /// - Parameter last: The statement that was merged.
  mutating func setCell(
    _ key: CellKey, _ statements: DayStatements, last: Stamp, clientTime: ClientTime, recordedAt: Instant,
    version: Int64
  ) throws(Reason) {
    try setCell(key, last: last, clientTime: clientTime, recordedAt: recordedAt, version: version) { state in
      state.take(statements, last: last)
    }
  }

  /// Stores a changed day. The only place where a day begins to count: the bound of early days
  /// applies to every source.
  mutating func setCell(
    _ key: CellKey, last: Stamp, clientTime: ClientTime, recordedAt: Instant, version: Int64,
    _ change: (inout CellState) -> Void
  ) throws(Reason) {
    // The habit is read and changed where it is: a copy costs a dozen references.
    guard let place = habits.index(forKey: key.habitID) else { throw .habitNotFound }
    let previous = cells[key]
    var state =
      previous
      ?? CellState(
        cell: CellContent(done: false, note: "", trust: .counted), version: version, stamp: last,
        clientTime: clientTime,
        recordedAt: recordedAt)
    (state.version, state.clientTime, state.recordedAt) = (version, clientTime, recordedAt)
    change(&state)
    let wasEarly = key.day < firstDay && previous?.countsAsNew == true
    if key.day < firstDay, state.countsAsNew, !wasEarly, habits.values[place].earlyDays >= DayRules.earlyDaysMax {
      var statements = state.statements
      statements.quarantineOverLimit()
      state.take(statements, last: last)
    }
    let isEarly = key.day < firstDay && state.countsAsNew
    cells[key] = state
    let (textBytes, textBytesBefore) = (state.textBytes, previous?.textBytes ?? 0)
    use.addText(textBytes - textBytesBefore)
    let kept = previous.map { $0.version == version ? .whole : takeStateIntoHistory(textBytesBefore) } ?? .whole
    changes.noteCell(key, replacing: previous, kept: kept, by: version)
    if previous?.cell != state.cell {
      var change = CellState.itemDigest(key, state.cell)
      if let previous { change -= CellState.itemDigest(key, previous.cell) }
      changes.cellsBalance[key.habitID, default: .empty] += change
      if !habits.values[place].isDeleted { digest += change }
    }
    let (counts, counted) = (state.cell.counts, previous?.cell.counts ?? false)
    if counts != counted {
      let before = habits.values[place].summary
      if originalSummaries[key.habitID] == nil { originalSummaries[key.habitID] = before }
      countedBalance[key.habitID, default: 0] += counts ? 1 : -1
      if let summary = counts ? before.adding(key.day) : before.removing(key.day) {
        habits.values[place].summary = summary
      } else {
        changes.staleSummaries.insert(key.habitID)
      }
    }
    guard counts != counted || isEarly != wasEarly else { return }
    habits.values[place].earlyDays += (isEarly ? 1 : 0) - (wasEarly ? 1 : 0)
    changes.habits.insert(key.habitID)
  }

  /// Changes a habit other than by its cells, and updates the digest.
  mutating func setHabit(_ habit: HabitState, _ habitID: Identifier) {
    if let previous = habits[habitID] {
      digest -= previous.digest(habitID: habitID)
      use.addText(-previous.textBytes)
      if !previous.isDeleted { habitCount -= 1 }
      if previous.isDeleted != habit.isDeleted { moveCells(of: habitID, areShown: !habit.isDeleted) }
    }
    digest += habit.digest(habitID: habitID)
    use.addText(habit.textBytes)
    if !habit.isDeleted { habitCount += 1 }
    habits[habitID] = habit
    changes.habits.insert(habitID)
    changes.editedHabits.insert(habitID)
  }

  /// Deleting or restoring a habit removes or adds its cells' digest: changed cells now, stored
  /// ones at the end of the change.
  private mutating func moveCells(of habitID: Identifier, areShown: Bool) {
    let balance = changes.cellsBalance[habitID] ?? .empty
    if areShown { digest += balance } else { digest -= balance }
    let times = (changes.shownBalance[habitID] ?? 0) + (areShown ? 1 : -1)
    changes.shownBalance[habitID] = times == 0 ? nil : times
  }

  /// - Parameter replacedBytes: The text bytes of the notice before; nil: it is new.
  mutating func setNotice(_ notice: Notice, _ id: Identifier, replacedBytes: Int? = nil) {
    var notice = notice
    let isNew = notices[id] == nil && replacedBytes == nil && (!notice.isResolved || notice.kind == .streakHealed)
    if !isNew { changes.hasEarlierNotices = true }
    if notice.isOfTexts { use.addText(notice.textBytes - (replacedBytes ?? 0)) }
    if let known = notices[id] { notice.madeAt = known.madeAt }
    notices[id] = notice
    changes.notices.insert(id)
  }

  mutating func setDayStart(_ minutes: Int32, by author: Author) throws(Reason) -> OperationOutcome {
    guard ClientTime.dayStartMinutesRange.contains(minutes) else { throw .invalidField }
    let before = settings
    settings.dayStart.state(String(minutes), by: author)
    guard settings != before else { return OperationOutcome(seq: 0, status: .applied) }
    digest -= before.digest
    digest += settings.digest
    let version = nextVersion()
    settings.version = version
    changes.isHeadChanged = true
    changes.areSettingsChanged = true
    return OperationOutcome(
      seq: 0, status: settings.dayStartMinutes == minutes ? .applied : .superseded, changeNumber: version)
  }

  // MARK: Ending

  /// Habits whose summary could not be updated incrementally: all counted days are needed, as
  /// stored before these changes.
  public var staleSummaries: Set<Identifier> { changes.staleSummaries }

  /// Sets the stored counted days of such a habit.
  public mutating func setStoredCountedDays(_ stored: some Sequence<Day>, of habitID: Identifier) {
    var days = Set(stored)
    for key in changes.cells.keys where key.habitID == habitID {
      if cells[key]?.cell.counts == true { days.insert(key.day) } else { days.remove(key.day) }
    }
    habits[habitID]?.summary = StreakSummary(countedDays: days)
    changes.staleSummaries.remove(habitID)
  }

  /// Habits that were deleted or restored, for which the digest of all cells is needed, as stored
  /// before these changes.
  public var staleDigests: Set<Identifier> { Set(changes.shownBalance.keys) }

  /// Sets the digest of all stored cells of such a habit.
  public mutating func setStoredCellsDigest(_ stored: StateDigest, of habitID: Identifier) {
    switch changes.shownBalance.removeValue(forKey: habitID) {
    case 1: digest += stored
    case -1: digest -= stored
    default: break
    }
  }

  /// Stored data has to be set before the change can end.
  public var needsFullRead: Bool { !changes.staleSummaries.isEmpty || !changes.shownBalance.isEmpty }

  /// Sets all stale values from the state before these changes: for callers that hold a person's
  /// whole state.
  public mutating func readFullHabits(from before: PersonLedger) {
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

  /// Ends a change, once nothing is stale: adds the notices of repaired streaks, and gives every
  /// stored item a change number.
  public mutating func finishChange(now: Instant, makeID: () -> Identifier) {
    for (habitID, before) in originalSummaries.sorted(by: { $0.key < $1.key }) {
      noteHealing(of: habitID, before, now: now, makeID: makeID)
    }
    if !originalSummaries.isEmpty { (originalSummaries, countedBalance) = ([:], [:]) }
    if !changes.isEmpty && !changes.isVisible { changeNumber += 1 }
  }

  /// The changes so far were stored: starts an empty set of changes.
  public mutating func commit() { changes = LedgerChanges() }

  /// The start of later changes, once the changes so far are stored: the same state, without
  /// changes and notices.
  public var withoutChanges: PersonLedger {
    var ledger = PersonLedger(
      epoch: epoch, firstDay: firstDay, changeNumber: changeNumber, zones: zones, digest: digest,
      habitCount: habitCount, sources: sources, settings: settings, habitsMax: habitsMax, use: use, quotas: quotas)
    (ledger.habits, ledger.cells) = (habits, cells)
    return ledger
  }

  /// A streak is repaired if days that counted before are part of the current run again.
  private mutating func noteHealing(
    of habitID: Identifier, _ before: StreakSummary, now: Instant, makeID: () -> Identifier
  ) {
    guard let habit = habits[habitID], !habit.isDeleted, !habit.fields.archived, before.total > 0 else { return }
    let today = zones.today(now: now)
    let (was, isNow) = (before.streak(today: today), habit.summary.streak(today: today))
    guard isNow.current > was.current + max(0, countedBalance[habitID] ?? 0) else { return }
    setNotice(
      Notice(
        kind: .streakHealed, habitID: habitID, day: isNow.lastDay, winningValue: .number(Int64(isNow.current)),
        losingValue: .number(Int64(was.current)), losingDeviceID: nil, madeAt: now, version: nextVersion(),
        isResolved: true), makeID())
  }
}

/// What the history keeps of a superseded state.
public enum KeptState: Equatable, Sendable {
  case whole
  /// The note's hash instead of its texts.
  case withoutText
  case nothing
}

/// A state of a cell that was replaced before it was stored.
public struct PassingState: Equatable, Sendable {
  public var key: CellKey
  public var state: CellState
  /// The version of the next state.
  public var nextVersion: Int64
  public var kept: KeptState
}

/// How a cell has changed.
public struct CellChange: Equatable, Sendable {
  /// The version of its first new state; for a new cell, the one that made it.
  public var firstVersion: Int64
  /// It existed before: its earlier state goes to the history.
  public var isReplacement: Bool
  /// What is kept of the earlier state.
  public var kept: KeptState
}

/// The data that a change stores.
public struct LedgerChanges: Equatable, Sendable {
  public internal(set) var cells: [CellKey: CellChange] = [:]
  /// States that were replaced within this change: they go to the history too.
  public internal(set) var passingStates: [PassingState] = []
  /// Habits, also those of which only the summary and the digest of their cells have changed.
  public internal(set) var habits: Set<Identifier> = []
  /// Habits that were made, edited, deleted or restored.
  public internal(set) var editedHabits: Set<Identifier> = []
  public internal(set) var notices: Set<Identifier> = []
  /// Some of them existed before: the device may have acknowledged them.
  public internal(set) var hasEarlierNotices = false
  /// In this order; their stored rows get the new id before anything else is stored.
  public internal(set) var renamedHabits: [RenamedHabit] = []
  /// Habits that became part of others, after those that were renamed and in this order: their days
  /// are stored as the others' by this change.
  public internal(set) var joinedHabits: [RenamedHabit] = []
  /// Operations of devices' queues were decided.
  public internal(set) var holdsDecisions = false
  /// The parts that all changes rewrite have changed: sources, settings, zones.
  public internal(set) var isHeadChanged = false
  public internal(set) var areSettingsChanged = false
  /// The digest or the number of habits was wrong, and is corrected.
  var isRecounted = false
  var staleSummaries: Set<Identifier> = []
  /// Losses by quotas.
  public internal(set) var quotas = QuotaCounts()
  /// By habit: the changes of its cells' digest.
  var cellsBalance: [Identifier: StateDigest] = [:]
  /// By habit: 1 if it was restored, -1 if it was deleted.
  var shownBalance: [Identifier: Int] = [:]

  public init() {}

  public var isEmpty: Bool {
    cells.isEmpty && habits.isEmpty && notices.isEmpty && !isHeadChanged && !holdsDecisions && !isRecounted
  }

  /// The days whose present state follows one that is not kept.
  public var daysAfterDroppedStates: Set<CellKey> {
    guard quotas.historyStatesDropped > 0 else { return [] }
    var days = Set(cells.lazy.filter { $0.value.kept == .nothing }.map(\.key))
    for passing in passingStates {
      if passing.kept == .nothing { days.insert(passing.key) } else { days.remove(passing.key) }
    }
    return days
  }

  mutating func noteCell(_ key: CellKey, replacing previous: CellState?, kept: KeptState, by version: Int64) {
    if let previous, cells[key] != nil {
      // Two days of a session may be one of the account: of one change only the last state counts.
      guard previous.version != version else { return }
      passingStates.append(PassingState(key: key, state: previous, nextVersion: version, kept: kept))
    } else {
      cells[key] = CellChange(firstVersion: version, isReplacement: previous != nil, kept: kept)
    }
  }

  /// Something that devices show has changed, and so has a change number.
  public var isVisible: Bool {
    !cells.isEmpty || !notices.isEmpty || !editedHabits.isEmpty || areSettingsChanged
  }
}
