internal import Postgres
public import StreakDomain

/// Selects cells of a history; every condition must hold.
public struct EntryFilter: Sendable, Equatable {
  /// Nil: all habits.
  public var habitID: Identifier?
  public var firstDay: Int32
  public var lastDay: Int32
  /// True: counted cells only; false: quarantined ones only; nil: both.
  public var counted: Bool?
  public var includesUndone: Bool

  public init(habitID: Identifier?, firstDay: Int32, lastDay: Int32, counted: Bool?, includesUndone: Bool) {
    self.habitID = habitID
    self.firstDay = firstDay
    self.lastDay = lastDay
    self.counted = counted
    self.includesUndone = includesUndone
  }
}

/// A place in the order of a history: latest day first, then by habit id.
public struct HistoryPlace: Sendable, Equatable {
  public var day: Int32
  public var habitID: Identifier

  /// Before every cell.
  public static let start = HistoryPlace(day: .max, habitID: .zero)

  public init(day: Int32, habitID: Identifier) {
    self.day = day
    self.habitID = habitID
  }
}

extension StreakStore {
  /// $2 is a current or former id of a habit, or NULL for all habits.
  private static let isWantedHabit = """
    ($2::uuid IS NULL
      OR h.habit_id = coalesce((SELECT alias_of FROM habits a WHERE a.user_id = $1 AND a.habit_id = $2), $2))
    """

  // Each habit contributes at most a page in the order of the primary key, so that no second index
  // has to be updated by every write.
  private static let entry = Selection(CellColumn.entry)
  private static let history = Statement(
    .read,
    """
    SELECT \(entry.list(of: "c"))
    FROM habits h CROSS JOIN LATERAL (
      SELECT * FROM cells
      WHERE cells.user_id = h.user_id AND cells.habit_id = h.habit_id AND day BETWEEN $3 AND $4
        AND (day < $5 OR day = $5 AND h.habit_id > $6) AND (done OR $8)
        AND CASE $7 WHEN 0 THEN true WHEN 1 THEN quarantine_reason = 0 ELSE quarantine_reason <> 0 END
      ORDER BY day DESC LIMIT $9
    ) c
    WHERE h.user_id = $1 AND \(isWantedHabit)
    ORDER BY c.day DESC, c.habit_id LIMIT $9
    """)

  /// Cells of the ledger, those of deleted habits too, latest day first, then by habit id, after a
  /// place in that order.
  public func history(
    of userID: Identifier, _ filter: EntryFilter, after place: HistoryPlace, countMax: Int32
  ) async throws(StoreError) -> [CellEntry] {
    let trust: Int32 =
      switch filter.counted {
      case nil: 0
      case true?: 1
      case false?: 2
      }
    return try await database.rows(
      Self.history, .identifier(userID), .identifier(filter.habitID), .int32(filter.firstDay), .int32(filter.lastDay),
      .int32(place.day), .identifier(place.habitID), .int32(trust), .bool(filter.includesUndone), .int32(countMax)
    ) { row throws(DatabaseError) in try row.cellEntry(Self.entry) }
  }

  private static let dayCounts = Statement(
    .read,
    """
    SELECT day, (count(*) FILTER (WHERE done AND quarantine_reason = 0))::integer,
      (count(*) FILTER (WHERE done AND quarantine_reason <> 0))::integer, (count(*) FILTER (WHERE NOT done))::integer
    FROM habits h JOIN cells c USING (user_id, habit_id)
    WHERE h.user_id = $1 AND NOT h.is_deleted AND \(isWantedHabit) AND day BETWEEN $3 AND $4
    GROUP BY day ORDER BY day DESC LIMIT $5
    """)

  /// The sums of each day, earliest first; only the latest days if there are more than the limit.
  public func dayCounts(
    of userID: Identifier, habitID: Identifier?, firstDay: Int32, lastDay: Int32
  ) async throws(StoreError) -> [DayCounts] {
    try await database.rows(
      Self.dayCounts, .identifier(userID), .identifier(habitID), .int32(firstDay), .int32(lastDay),
      .int32(limits.statisticsDaysMax)
    ) { row throws(DatabaseError) in
      DayCounts(
        day: Day(try row.int32(0)), counted: Int(try row.int32(1)), quarantined: Int(try row.int32(2)),
        undone: Int(try row.int32(3)))
    }.reversed()
  }

  private static let explained = Selection([CellColumn.day, .done, .quarantineReason])
  private static let explainedCells = Statement(
    .read,
    """
    SELECT \(explained.list()) FROM cells WHERE user_id = $1 AND habit_id = $2 AND day BETWEEN $3 AND $4
    ORDER BY day DESC LIMIT $5
    """)

  /// A habit's streak and its recorded days without their notes, only the latest if there are more
  /// than the limit; nil if there is no such habit.
  public func explainedCells(
    of userID: Identifier, habitID: Identifier, firstDay: Int32, lastDay: Int32
  ) async throws(StoreError) -> (streak: HabitStreak, cells: [(day: Day, cell: CellContent)])? {
    guard let streak = try await streak(of: userID, habitID: habitID) else { return nil }
    let cells = try await database.rows(
      Self.explainedCells, .identifier(userID), .identifier(streak.habitID), .int32(firstDay), .int32(lastDay),
      .int32(limits.statisticsDaysMax)
    ) { row throws(DatabaseError) in
      let at = Self.explained
      let trust = CellTrust(number: UInt8(clamping: try row.int16(at[.quarantineReason])))
      return (
        day: Day(try row.int32(at[.day])), cell: CellContent(done: try row.bool(at[.done]), note: "", trust: trust)
      )
    }
    return (streak, cells)
  }
}
