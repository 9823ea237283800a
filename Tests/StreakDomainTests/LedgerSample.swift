@testable import StreakDomain

/// A person's whole state with a clock, for tests: everything is loaded.
struct LedgerSample {
  static let phone = Identifier(high: 1, low: 1)
  static let tablet = Identifier(high: 1, low: 2)
  static let habit = Identifier(high: 2, low: 1)

  var ledger = PersonLedger(epoch: 7)
  /// The server's clock, in milliseconds since 1970.
  var now = noon
  private var seqs: [Identifier: Int64] = [:]
  private var ids: UInt64 = 0

  /// - Parameter caughtUpDaysAgo: When each device was caught up last.
  init(devices: [Identifier] = [phone, tablet], caughtUpDaysAgo: Int64 = 0, habits: [Identifier] = [habit]) {
    for device in devices {
      ledger.load(
        device: DeviceProgress(catchUp: CatchUp(caughtUpAtMilliseconds: noon - caughtUpDaysAgo * dayMilliseconds)),
        id: device)
    }
    for habit in habits { apply(.editHabit(Operation.HabitEdit(habitID: habit, fields: HabitFields(name: "read")))) }
  }

  /// What a device knows that has seen everything.
  var cursor: Cursor { Cursor(epoch: ledger.epoch, changeNumber: ledger.changeNumber) }

  @discardableResult
  mutating func apply(
    _ change: Operation.Change, by device: Identifier = phone, seen: Cursor? = nil, time: HybridTime? = nil
  ) -> OperationOutcome {
    let seq = seqs[device, default: 0] + 1
    seqs[device] = seq
    let operation = Operation(
      seq: seq, time: time ?? HybridTime(milliseconds: now, counter: UInt16(clamping: seq)), seen: seen ?? cursor,
      change: change)
    return ledger.apply(operation, by: device, now: now) {
      ids += 1
      return Identifier(high: 9, low: ids)
    }
  }

  mutating func settle() {
    ledger.settle(now: now) {
      ids += 1
      return Identifier(high: 9, low: ids)
    }
  }

  @discardableResult
  mutating func tick(
    _ day: Day = today, note: String = "", by device: Identifier = phone, seen: Cursor? = nil, time: HybridTime? = nil,
    made: LocalTime? = nil, habit: Identifier = habit
  ) -> OperationOutcome {
    let made = made ?? StreakDomainTests.made(day)
    return apply(
      .setCompletion(Operation.Completion(habitID: habit, day: day, done: true, note: note, made: made)), by: device,
      seen: seen, time: time)
  }

  @discardableResult
  mutating func untick(
    _ day: Day = today, by device: Identifier = phone, seen: Cursor? = nil
  ) -> OperationOutcome {
    apply(
      .setCompletion(
        Operation.Completion(habitID: Self.habit, day: day, done: false, made: StreakDomainTests.made(today))),
      by: device, seen: seen)
  }

  func cell(_ day: Day = today) -> LedgerCell? { ledger.cells[CellKey(habitID: Self.habit, day: day)]?.cell }

  var streak: Streak? {
    ledger.habits[Self.habit].map { $0.summary.streak(today: ledger.zones.today(now: now)) }
  }

  var notices: [Notice] { ledger.notices.values.sorted { $0.version < $1.version } }
}
