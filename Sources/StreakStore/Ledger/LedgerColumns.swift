internal import Postgres
internal import StreakDomain

/// How StreakDomain's values lie in columns. Each list of columns is written once, and read by the
/// function beside it.
enum LedgerColumns {
  /// Of `heads`.
  static let head = columns("change_number habit_count first_day digest zone_uses sources settings storage_use")
  /// Of `habits`, without its id.
  static let habit = columns(
    """
    name description color position archived created_at version is_deleted returned_version statements early_days total_days
    longest_run last_run_first_day last_run_last_day previous_run_first_day previous_run_last_day alias_of first_id
    """)
  /// Of `cells` and `cell_history`, without the key.
  static let cell = columns(
    """
    done note quarantine_reason version source_id seq changed_time details occurred_at zone utc_offset_seconds
    day_start_minutes recorded_at
    """)
  /// Of `notices`, without its id.
  static let notice = columns("kind habit_id day field kept other other_device_id made_at version resolved")

  private static func columns(_ names: String) -> [String] {
    names.split { $0 == " " || $0 == "\n" }.map(String.init)
  }

  /// The columns as a list in SQL, each of `table`.
  static func list(_ columns: [String], of table: String? = nil) -> String {
    columns.map { column in table.map { "\($0).\(column)" } ?? column }.joined(separator: ", ")
  }
}

extension Row {
  func digest(_ column: Int) throws(DatabaseError) -> StateDigest { StateDigest(bytes: try bytes(column)) ?? .empty }

  /// `LedgerColumns.head`.
  func ledger(from column: Int, epoch: Epoch, limits: StoreLimits) throws(DatabaseError) -> PersonLedger {
    PersonLedger(
      epoch: epoch, firstDay: Day(try int32(column + 2)), changeNumber: try int64(column),
      zones: ZoneUses(encoded: try bytes(column + 4)), digest: try digest(column + 3),
      habitCount: Int(try int32(column + 1)), sources: StreakDomain.Sources(encoded: try bytes(column + 5)),
      settings: AccountSettings(encoded: try bytes(column + 6)), habitsMax: limits.habitsPerPersonMax,
      use: StorageUse(encoded: try bytes(column + 7)), quotas: limits.quotas)
  }

  /// `LedgerColumns.habit`.
  func habitState(from column: Int) throws(DatabaseError) -> HabitState {
    HabitState(
      fields: HabitFields(
        name: try string(column), description: try string(column + 1), color: UInt32(bitPattern: try int32(column + 2)),
        position: try int32(column + 3), archived: try bool(column + 4)),
      createdAtMilliseconds: try moment(column + 5).milliseconds, version: try int64(column + 6),
      isDeleted: try bool(column + 7), returnedVersion: try int64(column + 8),
      encodedStatements: try bytes(column + 9), summary: try summary(from: column + 11),
      earlyDays: Int(try int16(column + 10)), aliasOf: try identifierOrNull(column + 17),
      firstID: try identifierOrNull(column + 18))
  }

  /// `LedgerColumns.cell`.
  func cellState(from column: Int) throws(DatabaseError) -> CellState {
    let made = LocalTime(
      occurredAtMilliseconds: try moment(column + 8).milliseconds, zone: try string(column + 9),
      utcOffsetSeconds: try int32(column + 10), dayStartMinutes: Int32(try int16(column + 11)))
    var state = CellState(
      cell: LedgerCell(
        done: try bool(column), note: try string(column + 1),
        trust: CellTrust(number: UInt8(clamping: try int16(column + 2)))),
      version: try int64(column + 3),
      stamp: Stamp(
        time: HybridTime(packed: UInt64(bitPattern: try int64(column + 6))),
        id: StatementID(source: try identifier(column + 4), seq: try int64(column + 5))),
      made: made, recordedAtMilliseconds: try moment(column + 12).milliseconds)
    state.setDetails(encoded: try bytes(column + 7))
    return state
  }

  /// `LedgerColumns.notice`.
  func notice(from column: Int) throws(DatabaseError) -> Notice {
    let day = try int32(column + 2)
    return Notice(
      kind: Notice.Kind(rawValue: try int16(column)) ?? .noteConflict, habitID: try identifier(column + 1),
      day: day == 0 ? nil : Day(day), field: HabitField(rawValue: Int(try int16(column + 3))),
      kept: try string(column + 4), other: try string(column + 5), otherDeviceID: try identifierOrNull(column + 6),
      madeAtMilliseconds: try moment(column + 7).milliseconds, version: try int64(column + 8),
      isResolved: try bool(column + 9))
  }
}

extension Moment {
  /// A moment of milliseconds since 1970-01-01T00:00:00Z.
  public init(milliseconds: Int64) {
    let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
    self.init(microseconds: overflow ? (milliseconds < 0 ? .min : .max) : microseconds)
  }

  /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
  public var milliseconds: Int64 { microseconds >= 0 ? microseconds / 1000 : (microseconds - 999) / 1000 }
}
