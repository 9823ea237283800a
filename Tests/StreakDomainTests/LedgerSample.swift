@testable import StreakDomain
import TestSupport

/// A person's whole, fully loaded state with a clock, for tests.
struct LedgerSample {
  static let phone = Identifier(high: 1, low: 1)
  static let tablet = Identifier(high: 1, low: 2)
  static let habit = Identifier(high: 2, low: 1)

  var ledger: PersonLedger
  /// The server's clock, in milliseconds since 1970.
  var now = noon
  private var seqs: [Identifier: Int64] = [:]
  private var ids: UInt64 = 0

  /// - Parameters:
  ///   - caughtUpDaysAgo: When each device was last caught up.
  ///   - createdDaysAgo: When the account was made.
  init(
    devices: [Identifier] = [phone, tablet], caughtUpDaysAgo: Int64 = 0, createdDaysAgo: Int64 = 365,
    habits: [Identifier] = [habit], habitsMax: Int = PersonLedger.habitsMaxDefault
  ) {
    ledger = PersonLedger(
      epoch: Epoch(number: 7), firstDay: DayRules.firstDay(createdAt: noon - createdDaysAgo * dayMilliseconds),
      habitsMax: habitsMax)
    for device in devices { ledger.register(deviceID: device, now: noon - caughtUpDaysAgo * dayMilliseconds) }
    for habit in habits { apply(.editHabit(Operation.HabitEdit(habitID: habit, fields: HabitFields(name: "read")))) }
  }

  /// The knowledge of a device that has received everything.
  var seen: SeenStatements { ledger.sources.seen(by: nil) }

  @discardableResult
  mutating func apply(
    _ change: Operation.Change, by device: Identifier = phone, seen: SeenStatements? = nil, time: HybridTime? = nil,
    clock: ClockRules? = nil
  ) -> OperationOutcome {
    let seq = seqs[device, default: 0] + 1
    seqs[device] = seq
    let operation = Operation(
      seq: seq, time: time ?? HybridTime(now, counter: UInt16(clamping: seq)), seen: seen ?? self.seen,
      change: change)
    let before = ledger
    let outcome = ledger.apply(operation, by: device, now: now, clock: clock)
    ledger.advance(deviceID: device, to: seq)
    ledger.readFullHabits(from: before)
    ledger.commit()
    return outcome
  }

  mutating func finishChange() {
    ledger.finishChange(now: now) {
      ids += 1
      return Identifier(high: 9, low: ids)
    }
  }

  @discardableResult
  mutating func tick(
    _ day: Day = today, note: String? = nil, by device: Identifier = phone, seen: SeenStatements? = nil,
    time: HybridTime? = nil, clientTime: ClientTime? = nil, habit: Identifier = habit
  ) -> OperationOutcome {
    let clientTime = clientTime ?? StreakDomainTests.clientTime(day)
    return apply(
      .setCompletion(Operation.Completion(habitID: habit, day: day, done: true, note: note, clientTime: clientTime)),
      by: device,
      seen: seen, time: time)
  }

  /// - Parameter undone: Nil: the known standing completions.
  @discardableResult
  mutating func untick(
    _ day: Day = today, by device: Identifier = phone, seen: SeenStatements? = nil, undone: [StatementID]? = nil,
    time: HybridTime? = nil
  ) -> OperationOutcome {
    apply(
      .setCompletion(
        Operation.Completion(
          habitID: Self.habit, day: day, done: false, clientTime: StreakDomainTests.clientTime(today), undone: undone)),
      by: device, seen: seen, time: time)
  }

  @discardableResult
  mutating func note(
    _ text: String, _ day: Day = today, by device: Identifier = phone, seen: SeenStatements? = nil,
    time: HybridTime? = nil
  ) -> OperationOutcome {
    apply(
      .setNote(
        Operation.Note(habitID: Self.habit, day: day, text: text, clientTime: StreakDomainTests.clientTime(day))),
      by: device, seen: seen, time: time)
  }

  func cell(_ day: Day = today) -> CellContent? { ledger.cells[CellKey(habitID: Self.habit, day: day)]?.cell }

  var streak: Streak? {
    ledger.habits[Self.habit].map { $0.summary.streak(today: ledger.zones.today(now: now)) }
  }

  var notices: [Notice] { ledger.notices.values.sorted { $0.version < $1.version } }
}
