internal import Postgres
internal import StreakDomain

extension PostgresValue {
  static func identifier(_ value: Identifier?) -> PostgresValue { .uuid(value?.uuid) }
  static func identifiers(_ values: [Identifier]) -> PostgresValue { .uuidArray(values.map(\.uuid)) }
  static func moment(_ value: Moment?) -> PostgresValue { .timestamp(value?.microseconds) }
  static func moments(_ values: [Moment]) -> PostgresValue { .timestampArray(values.map(\.microseconds)) }
}

extension Identifier {
  init(_ uuid: PostgresUUID) { self.init(high: uuid.high, low: uuid.low) }
  var uuid: PostgresUUID { PostgresUUID(high: high, low: low) }
}

extension Row {
  func identifier(_ column: Int) throws(DatabaseError) -> Identifier { Identifier(try uuid(column)) }
  func identifierOrNull(_ column: Int) throws(DatabaseError) -> Identifier? {
    try uuidOrNull(column).map { Identifier($0) }
  }
  func moment(_ column: Int) throws(DatabaseError) -> Moment { Moment(microseconds: try timestamp(column)) }
  func momentOrNull(_ column: Int) throws(DatabaseError) -> Moment? {
    try timestampOrNull(column).map { Moment(microseconds: $0) }
  }

  /// Columns habit_id, name, description, color, position, archived, version, created_at.
  func habit(from column: Int) throws(DatabaseError) -> HabitRecord {
    HabitRecord(
      habitID: try identifier(column), name: try string(column + 1), description: try string(column + 2),
      color: try int32(column + 3), position: try int32(column + 4), archived: try bool(column + 5),
      version: try int64(column + 6), createdAt: try moment(column + 7))
  }

  /// Columns total_days, longest_run, last_run_first_day, last_run_last_day,
  /// previous_run_first_day, previous_run_last_day.
  func summary(from column: Int) throws(DatabaseError) -> StreakSummary {
    StreakSummary(
      total: Int(try int32(column)), longest: Int(try int32(column + 1)), lastRun: try run(from: column + 2),
      previousRun: try run(from: column + 4))
  }

  /// Columns of a run's first and last day; both 0 if there is none.
  private func run(from column: Int) throws(DatabaseError) -> Run? {
    let (first, last) = (try int32(column), try int32(column + 1))
    return first != 0 && first <= last ? Day(first)...Day(last) : nil
  }

  /// Columns occurred_at, zone, utc_offset_seconds, day_start_minutes.
  func localTime(from column: Int) throws(DatabaseError) -> LocalTimeRecord {
    LocalTimeRecord(
      occurredAt: try moment(column), zone: try string(column + 1), utcOffsetSeconds: try int32(column + 2),
      dayStartMinutes: try int32(column + 3))
  }

  /// Columns habit_id, day, then `LedgerColumns.cell`.
  func cell(from column: Int) throws(DatabaseError) -> CellRecord {
    CellRecord(try cellKey(column), try cellState(from: column + 2))
  }

  /// Columns habit_id, day.
  func cellKey(_ column: Int) throws(DatabaseError) -> CellKey {
    CellKey(habitID: try identifier(column), day: Day(try int32(column + 1)))
  }
}

extension StreakSummary {
  /// The values of the summary's columns, in their order.
  var columns:
    (total: Int32, longest: Int32, lastFirst: Int32, lastLast: Int32, previousFirst: Int32, previousLast: Int32)
  {
    (
      Int32(clamping: total), Int32(clamping: longest), lastRun?.lowerBound.number ?? 0,
      lastRun?.upperBound.number ?? 0, previousRun?.lowerBound.number ?? 0, previousRun?.upperBound.number ?? 0
    )
  }
}
