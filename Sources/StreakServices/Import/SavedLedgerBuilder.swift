internal import GRPCSchema
internal import RPC
internal import Schema
internal import SchemaConversion
internal import StreakDomain
internal import StreakStore

/// Converts records of a document, or of a backup, into habits and days, as far as they are valid.
struct SavedLedgerBuilder {
  /// The most records of one document, or of one recovery.
  static let recordsMax = 250_000

  private(set) var ledger = SavedLedger()
  private(set) var highestVersion: Int64 = 0
  private(set) var recordCount = 0
  private var habitIDs: Set<Identifier> = []
  private var lastHabitID: Identifier?
  private var lastKey: CellKey?
  private let now: Instant

  init(at now: Instant) {
    self.now = now
  }

  /// - Throws: `IMPORT_TOO_LARGE` beyond the limit.
  mutating func countRecord() throws(RPCStatus) {
    recordCount += 1
    guard recordCount <= Self.recordsMax else { throw Reason.importTooLarge.status }
  }

  func refusal(_ what: String) -> RPCStatus { DocumentReader.unreadable("record \(recordCount): \(what)") }

  /// Converts a part of a record; a refusal has the field's path as for any request.
  ///
  /// - Parameter kind: The part's path in `ExportRecord`.
  func reading<Value>(_ kind: String, _ body: () throws(InvalidField) -> Value) throws(RPCStatus) -> Value {
    do throws(InvalidField) {
      return try body()
    } catch {
      let path = "\(kind).\(error.path)"
      throw refusal("\(path) \(error.requirement)").with(
        GoogleRPCBadRequest(
          fieldViolations: [.init(field: "records[\(recordCount - 1)].\(path)", description: error.requirement)]))
    }
  }

  mutating func noteVersion(_ version: Int64) { highestVersion = max(highestVersion, version) }

  func hasHabit(_ id: Identifier) -> Bool { habitIDs.contains(id) }

  /// Takes the account's settings; everything else of it belongs to the account of the export.
  mutating func add(_ account: Account) throws(RPCStatus) {
    ledger.dayStartMinutes = try reading("account") { () throws(InvalidField) in
      guard ClientTime.dayStartMinutesRange.contains(account.dayStartMinutes) else {
        throw InvalidField("day_start_minutes", "must be from 0 to 1439")
      }
      return account.dayStartMinutes
    }
  }

  /// Habits come by ascending id.
  mutating func add(_ habit: Habit) throws(RPCStatus) {
    let entry = try reading("habit") { () throws(InvalidField) in try HabitEntry(record: habit) }
    guard lastHabitID.map({ $0 < entry.id }) ?? true else { throw refusal("habits must come by ascending id") }
    lastHabitID = entry.id
    habitIDs.insert(entry.id)
    noteVersion(entry.version)
    ledger.habits.append(entry)
  }

  /// Cells come by ascending habit and day, after the habits.
  mutating func add(_ cell: Cell) throws(RPCStatus) {
    let saved = try check(cell)
    guard lastKey.map({ $0 < saved.key }) ?? true else { throw refusal("days must come by ascending habit and day") }
    lastKey = saved.key
    ledger.cells.append(saved)
  }

  /// A cell's state, if the cell is valid.
  mutating func check(_ cell: Cell) throws(RPCStatus) -> SavedLedger.Cell {
    let saved = try reading("cell.cell") { () throws(InvalidField) in try SavedLedger.Cell(record: cell) }
    guard habitIDs.contains(saved.key.habitID) else { throw refusal("the habit is not there") }
    guard saved.key.day <= DayRules.latestToday(now: now) else { throw refusal("the day is in the future") }
    noteVersion(saved.version)
    return saved
  }

  /// Makes those days not count that a session without an anchor could not bring either: days
  /// before the last 30, and from the account's first date on those that a device registered now
  /// could not claim. Source: Specification.md, section 5.
  ///
  /// - Parameter firstDay: The account's first date.
  /// - Returns: The number of days among them that counted before.
  mutating func demoteDays(firstDay: Day) -> Int {
    var count = 0
    for index in ledger.cells.indices {
      let cell = ledger.cells[index]
      guard cell.cell.trust == .counted else { continue }
      let today = DayRules.judgedDay(cell.clientTime, at: now)
      let isOverLimit = cell.key.day < today.advanced(by: 1 - MigrationPlan.windowDays)
      let trust =
        isOverLimit
        ? .quarantined(.overLimit)
        : cell.key.day < firstDay ? .counted : DayRules.trust(day: cell.key.day, today: today, caughtUpDay: today)
      guard trust != .counted else { continue }
      ledger.cells[index].cell.trust = trust
      if cell.cell.done { count += 1 }
    }
    return count
  }
}
