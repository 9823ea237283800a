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
  /// The highest version that a document may name: the account's next versions follow it.
  static let versionMax: Int64 = 1 << 53

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

  /// The refusal of a record that breaks a rule, with the field's path as for any request.
  ///
  /// - Parameter kind: The record's name in `ExportRecord`.
  func refuse(_ kind: String, _ violation: RecordRules.Violation?) throws(RPCStatus) {
    guard let violation else { return }
    let path = "\(kind).\(violation.field)"
    throw refusal("\(path) \(violation.requirement)").with(
      GoogleRPCBadRequest(
        fieldViolations: [.init(field: "records[\(recordCount - 1)].\(path)", description: violation.requirement)]))
  }

  func identifier(_ bytes: [UInt8], _ what: String) throws(RPCStatus) -> Identifier {
    guard let id = Identifier(bytes) else { throw refusal("\(what) must be 16 bytes") }
    return id
  }

  /// An id that may be absent.
  func identifierOrNil(_ bytes: [UInt8], _ what: String) throws(RPCStatus) -> Identifier? {
    bytes.isEmpty ? nil : try identifier(bytes, what)
  }

  func instant(_ timestamp: GoogleProtobufTimestamp?, _ what: String) throws(RPCStatus) -> Instant {
    guard let instant = timestamp?.instant else { throw refusal("\(what) must be a timestamp") }
    return instant
  }

  func clientTime(_ time: Schema.LocalTime?) throws(RPCStatus) -> ClientTime {
    guard let clientTime = try? ClientTime(field: time, path: "client_time") else {
      throw refusal("client_time must be a moment in a zone")
    }
    return clientTime
  }

  mutating func version(_ number: Int64) throws(RPCStatus) -> Int64 {
    guard (0...Self.versionMax).contains(number) else { throw refusal("the version cannot be") }
    highestVersion = max(highestVersion, number)
    return number
  }

  func hasHabit(_ id: Identifier) -> Bool { habitIDs.contains(id) }

  /// Habits come by ascending id.
  mutating func add(_ habit: Habit) throws(RPCStatus) {
    try refuse("habit", RecordRules.violation(of: habit))
    let id = try identifier(habit.id, "id")
    let fields = HabitFields(habit)
    guard fields.isValid else { throw refusal("habit: its fields cannot be") }
    guard lastHabitID.map({ $0 < id }) ?? true else { throw refusal("habits must come by ascending id") }
    lastHabitID = id
    habitIDs.insert(id)
    ledger.habits.append(
      HabitEntry(
        id: id, fields: fields, createdAt: try instant(habit.createdAt, "created_at").wholeMilliseconds,
        version: try version(habit.version), isDeleted: habit.deleted || !habit.aliasOf.isEmpty,
        aliasOf: try identifierOrNil(habit.aliasOf, "alias_of")))
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
    try refuse("cell.cell", RecordRules.violation(of: cell))
    let habitID = try identifier(cell.habitId, "habit_id")
    guard habitIDs.contains(habitID) else { throw refusal("the habit is not there") }
    let clientTime = try clientTime(cell.clientTime)
    let day = Day(cell.day)
    guard day <= DayRules.latestToday(now: now) else { throw refusal("the day is in the future") }
    let reason = cell.trust == .counted ? 0 : max(1, cell.quarantineReason.rawValue)
    guard let reason = UInt8(exactly: reason), reason == 0 || StreakDomain.QuarantineReason(rawValue: reason) != nil
    else {
      throw refusal("the quarantine's reason is unknown")
    }
    return SavedLedger.Cell(
      key: CellKey(habitID: habitID, day: day),
      cell: CellContent(done: cell.done, note: cell.note, trust: StreakDomain.CellTrust(number: reason)),
      clientTime: clientTime,
      recordedAt: try instant(cell.recordedAt, "recorded_at").wholeMilliseconds,
      migrationID: try identifierOrNil(cell.migrationId, "migration_id"), version: try version(cell.version))
  }

  /// Makes those days not count that a session could not bring either.
  ///
  /// - Returns: The number of days among them that counted before.
  mutating func demoteOldDays() -> Int {
    var count = 0
    for index in ledger.cells.indices {
      let cell = ledger.cells[index]
      let today = cell.clientTime.day(at: now)
      guard cell.cell.trust == .counted, cell.key.day < today.advanced(by: 1 - MigrationPlan.windowDays) else {
        continue
      }
      ledger.cells[index].cell.trust = .quarantined(.overLimit)
      if cell.cell.done { count += 1 }
    }
    return count
  }
}
