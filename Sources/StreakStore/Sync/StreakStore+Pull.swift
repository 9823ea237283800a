internal import Postgres
public import StreakDomain

extension StreakStore {
  /// Most notices in one page: those changed last.
  static let pulledNoticesMax: Int32 = 1_000
  /// Most bytes of values of notices in one page, 1 MiB. A page has at least one of them.
  static let pulledNoticeBytesMax = 1 << 20
  /// Most bytes of notes in one page, 1 MiB, because the server holds a response that a peer does
  /// not read. A page has at least one cell.
  static let pulledNoteBytesMax = 1 << 20
  /// Reads without a transaction before one is opened.
  private static let plainReadsMax = 3

  static let pulledHead = Statement(
    .read, "SELECT \(headColumns.list()) FROM heads WHERE user_id = $1")

  // From the start, deleted habits are not sent, but aliases are.
  private static let pulledHabit = Selection([.habitID] + HabitColumn.state)
  static let pulledHabits = Statement(
    .read,
    """
    SELECT \(pulledHabit.list())
    FROM habits WHERE user_id = $1 AND version > $2 AND version > 0 AND ($2 > 0 OR NOT is_deleted OR alias_of IS NOT NULL) ORDER BY version
    """)

  /// After the step's version and key.
  private static let pulledKey = Selection(CellColumn.key, from: 1)
  private static let pulledState = Selection(CellColumn.state, from: pulledKey.end)
  private static let pulledColumns = pulledState.list(of: "c")

  // Walks the index from the position on. A join with habits would let the planner begin with the
  // habits and read each one's whole history.
  static let pulledCells = Statement(
    .read,
    """
    SELECT c.first_version, \(pulledKey.list(of: "c")), \(pulledColumns)
    FROM cells c
    WHERE c.user_id = $1 AND (c.first_version, c.habit_id, c.day) > ($2, $3, $4) AND c.first_version > 0
      AND c.first_version <= $6
      AND c.habit_id <> ALL (ARRAY(SELECT habit_id FROM habits WHERE user_id = $1 AND is_deleted))
    ORDER BY c.first_version, c.habit_id, c.day LIMIT $5
    """)

  // Each change of a cell is a step: it made the cell, or replaced a state that is in the history.
  // Only the last one's state is still there; it is NULL for the others. Both indexes are walked no
  // further than the page needs.
  static let changedCells = Statement(
    .read,
    """
    WITH steps AS (
      SELECT version, habit_id, day FROM (
        (SELECT first_version AS version, habit_id, day FROM cells
          WHERE user_id = $1 AND (first_version, habit_id, day) > ($2, $3, $4) AND first_version > 0
          ORDER BY first_version, habit_id, day LIMIT $5)
        UNION ALL
        (SELECT next_version, habit_id, day FROM cell_history
          WHERE user_id = $1 AND (next_version, habit_id, day) > ($2, $3, $4)
          ORDER BY next_version, habit_id, day LIMIT $5)) s
      ORDER BY version, habit_id, day LIMIT $5)
    SELECT s.version, \(pulledKey.list(of: "s")), \(pulledColumns)
    FROM steps s LEFT JOIN LATERAL (
      SELECT * FROM cells
      WHERE cells.user_id = $1 AND cells.habit_id = s.habit_id AND cells.day = s.day AND cells.version = s.version
        AND cells.habit_id <> ALL (ARRAY(SELECT habit_id FROM habits WHERE user_id = $1 AND is_deleted))
      LIMIT 1) c ON true
    ORDER BY s.version, s.habit_id, s.day
    """)

  private static let pulledNotice = Selection(NoticeColumn.entry)
  static let pulledNotices = Statement(
    .read,
    """
    SELECT \(pulledNotice.list(of: "n")) FROM notices n
    WHERE n.user_id = $1 AND n.version > $2 AND NOT EXISTS (
      SELECT FROM notice_acknowledgements a
      WHERE a.user_id = n.user_id AND a.notice_id = n.notice_id AND a.device_id = $3)
    ORDER BY n.version DESC LIMIT $4
    """)

  /// The changes of a user's data since a change, page by page. The cost depends on the changes,
  /// not on the amount of data.
  ///
  /// - Parameters:
  ///   - changeNumber: The last change received; 0 for everything.
  ///   - place: `next` of the page before; nil for the first page.
  ///   - cellsMax: Most cells in this page, at least 1. It may have fewer although more follow:
  ///     those changed again later are sent with that change.
  public func pull(
    of userID: Identifier, for deviceID: Identifier, since changeNumber: Int64, at place: PullPlace?, cellsMax: Int
  ) async throws(StoreError) -> PullPage {
    let start = place ?? PullPlace(after: changeNumber)
    let page = try await read(userID, deviceID, from: start, cellsMax: cellsMax)
    // A device that has not received a habit's return lacks all its days: it begins anew.
    guard changeNumber > 0 || place != nil, page.habits.contains(where: { $0.habit.returnedVersion > start.head })
    else {
      return page
    }
    var whole = try await read(userID, deviceID, from: PullPlace(after: 0), cellsMax: cellsMax)
    whole.isReset = true
    return whole
  }

  /// Reads a page from one snapshot: usually by the statements of one round trip, if nothing has
  /// changed between them.
  private func read(
    _ userID: Identifier, _ deviceID: Identifier, from place: PullPlace, cellsMax: Int
  ) async throws(StoreError) -> PullPage {
    var batch = Batch()
    batch.append(Self.pulledHead, .identifier(userID))
    batch.append(Self.pulledHabits, .identifier(userID), .int64(place.head))
    let (version, habitID, day) = (place.version, place.habitID, place.day)
    let stepsMax = PostgresValue.int32(Int32(clamping: cellsMax + 1))
    if place.until > 0 {
      batch.append(
        Self.pulledCells, .identifier(userID), .int64(version), .identifier(habitID), .int32(day), stepsMax,
        .int64(place.until))
    } else {
      batch.append(
        Self.changedCells, .identifier(userID), .int64(version), .identifier(habitID), .int32(day), stepsMax)
    }
    batch.append(
      Self.pulledNotices, .identifier(userID), .int64(place.head), .identifier(deviceID), .int32(Self.pulledNoticesMax))
    batch.append(Self.pulledHead, .identifier(userID))
    for _ in 0..<Self.plainReadsMax {
      let found: (page: PullPage, isOfOneSnapshot: Bool)?
      do throws(DatabaseError) {
        found = try Self.page(try await database.run(batch), from: place, cellsMax: cellsMax)
      } catch {
        // The statements change nothing, so a retry is safe.
        if case .outcomeUnknown(let reason) = error { throw .unavailable(reason: reason) }
        throw StoreError(error)
      }
      guard let found else { throw .noSuchUser }
      if found.isOfOneSnapshot { return found.page }
    }
    return try await transaction(.snapshot) { transaction throws(StoreError) in
      let found: (page: PullPage, isOfOneSnapshot: Bool)?
      do throws(DatabaseError) {
        found = try Self.page(try await transaction.run(batch), from: place, cellsMax: cellsMax)
      } catch {
        throw StoreError(error)
      }
      guard let found else { throw StoreError.noSuchUser }
      return .commit(found.page)
    }
  }

  private static func page(
    _ results: BatchResult, from place: PullPlace, cellsMax: Int
  ) throws(DatabaseError) -> (page: PullPage, isOfOneSnapshot: Bool)? {
    func head(_ index: Int) throws(DatabaseError) -> PersonHead? {
      try results.with(index) { result throws(DatabaseError) in
        try result.first { row throws(DatabaseError) in try row.head(headColumns) }
      }
    }
    guard let before = try head(0), let after = try head(4) else { return nil }
    let habits = try results.with(1) { result throws(DatabaseError) in
      try result.map { row throws(DatabaseError) in
        (id: try row.identifier(pulledHabit[.habitID]), habit: try row.habitState(pulledHabit))
      }
    }
    var steps = PulledSteps(cellsMax: cellsMax)
    try results.with(2) { result throws(DatabaseError) in
      steps.cells.reserveCapacity(min(result.rowCount, cellsMax))
      try result.prefix { row throws(DatabaseError) in try steps.take(row) }
    }
    let notices = try results.with(3) { result throws(DatabaseError) in
      try result.map { row throws(DatabaseError) in try row.notice(pulledNotice) }
    }
    var (noticeCount, noticeBytes) = (0, 0)
    for (_, notice) in notices {
      noticeBytes += notice.textBytes
      guard noticeBytes <= pulledNoticeBytesMax || noticeCount == 0 else { break }
      noticeCount += 1
    }
    return (
      PullPage(
        head: after, habits: habits,
        cells: steps.cells,
        notices: Array(notices.prefix(noticeCount)),
        hasMoreNotices: noticeCount < notices.count || notices.count == Int(pulledNoticesMax),
        next: place.next(after: steps.goOn ? steps.last : nil, changeNumber: after.changeNumber), isReset: false),
      before == after
    )
  }

  /// The steps of a page. A page may have thousands of cells: each is decoded once, into its place.
  private struct PulledSteps {
    let cellsMax: Int
    var cells: [(key: CellKey, cell: CellState)] = []
    private(set) var last: (version: Int64, key: CellKey)?
    /// There are more steps than the page may have.
    private(set) var goOn = false
    private var count = 0
    private var noteBytes = 0

    init(cellsMax: Int) { self.cellsMax = cellsMax }

    /// Takes the next step.
    /// - Returns: Whether the page may have another one.
    mutating func take(_ row: borrowing Row) throws(DatabaseError) -> Bool {
      guard count < cellsMax else {
        goOn = true
        return false
      }
      let key = try row.cellKey(pulledKey)
      // Its state is NULL if another step follows with a later one.
      if try row.boolOrNull(pulledState[.done]) != nil {
        let cell = try row.cellState(pulledState)
        noteBytes += cell.cell.note.utf8.count
        guard noteBytes <= pulledNoteBytesMax || count == 0 else {
          goOn = true
          return false
        }
        cells.append((key, cell))
      }
      count += 1
      last = (try row.int64(0), key)
      return true
    }
  }
}
