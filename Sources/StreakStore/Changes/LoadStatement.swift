internal import Postgres
internal import StreakDomain

/// Reads the part of users' states that their requests touch: in one statement, so from one
/// snapshot.
struct LoadStatement {
  private static let head = Selection(HeadColumn.ledger, from: 1)
  private static let habit = Selection(HabitColumn.state, from: head.end)
  private static let cell = Selection(CellColumn.state, from: habit.end)
  private static let selected = [head.list(of: "u"), habit.list(of: "h"), cell.list(of: "c")].joined(separator: ", ")

  static let one = Statement(
    .read,
    """
    SELECT $1::integer, \(selected)
    FROM heads u
      LEFT JOIN habits h ON h.user_id = $2 AND h.habit_id = $3
      LEFT JOIN cells c ON c.user_id = $2 AND c.habit_id = $3 AND c.day = $4
    WHERE u.user_id = $2
    """)

  private struct WantedRow {
    let place: Int
    let person: PendingUser
    let row: StateKey
  }

  // The lateral look-ups make the planner use index probes per row, whatever its estimate of the
  // tables' sizes.
  private static let part = ColumnarPart<WantedRow>(
    [
      .int32("place") { Int32(clamping: $0.place) }, .identifier("user_id") { $0.person.userID },
      .identifier("habit_id") { $0.row.habitID }, .int32("day") { $0.row.day },
    ],
    """
    SELECT w.place, \(selected)
    FROM SOURCE
      CROSS JOIN LATERAL (SELECT * FROM heads WHERE heads.user_id = w.user_id LIMIT 1) u
      LEFT JOIN LATERAL (
        SELECT * FROM habits WHERE habits.user_id = w.user_id AND habits.habit_id = w.habit_id LIMIT 1) h ON true
      LEFT JOIN LATERAL (
        SELECT * FROM cells WHERE cells.user_id = w.user_id AND cells.habit_id = w.habit_id AND cells.day = w.day
        LIMIT 1) c ON true
    """)

  static let many = Statement(.read, part.text(firstParameter: 1, isSingle: false))

  /// Reads the state of `people`; missing ones stay without a ledger.
  static func read(
    _ people: [PendingUser], epoch: Epoch, limits: StoreLimits, by runner: some StatementRunner
  ) async throws(StoreError) {
    var wanted: [WantedRow] = []
    for person in people {
      for row in person.rows { wanted.append(WantedRow(place: wanted.count, person: person, row: row)) }
    }
    try await read(wanted, epoch: epoch, limits: limits, by: runner)
    // Rare: a call names a habit by a former id.
    wanted = []
    for person in people {
      for row in person.followAliases() { wanted.append(WantedRow(place: wanted.count, person: person, row: row)) }
    }
    try await read(wanted, epoch: epoch, limits: limits, by: runner)
  }

  private static func read(
    _ wanted: [WantedRow], epoch: Epoch, limits: StoreLimits, by runner: some StatementRunner
  ) async throws(StoreError) {
    guard !wanted.isEmpty else { return }
    var parameters: [PostgresValue] = []
    part.append(wanted, to: &parameters)
    do throws(DatabaseError) {
      let result = try await runner.run(wanted.count == 1 ? one : many, parameters: parameters)
      _ = try result.map { row throws(DatabaseError) in
        let place = Int(try row.int32(0))
        guard wanted.indices.contains(place) else { return }
        try take(row, wanted[place].row, into: wanted[place].person, epoch: epoch, limits: limits)
      }
    } catch {
      throw StoreError(error)
    }
  }

  private static func take(
    _ row: borrowing Row, _ wanted: StateKey, into person: PendingUser, epoch: Epoch, limits: StoreLimits
  ) throws(DatabaseError) {
    if person.ledger == nil {
      let ledger = try row.ledger(head, epoch: epoch, limits: limits)
      person.changeNumberBefore = ledger.changeNumber
      person.ledger = ledger
    }
    guard let habitID = wanted.habitID, try row.stringOrNull(habit[.name]) != nil else { return }
    if person.ledger?.habits[habitID] == nil {
      person.ledger?.load(habit: try row.habitState(habit), id: habitID)
    }
    guard let day = wanted.day, try row.boolOrNull(cell[.done]) != nil else { return }
    person.ledger?.load(cell: try row.cellState(cell), key: CellKey(habitID: habitID, day: Day(day)))
  }

  // MARK: Seldom needed

  private static let notice = Selection(NoticeColumn.entry, from: 1)
  private static let noticeSet = Statement(
    .read,
    """
    SELECT w.place, \(notice.list(of: "n"))
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS w (place, user_id, notice_id)
      CROSS JOIN LATERAL (
        SELECT * FROM notices WHERE notices.user_id = w.user_id AND notices.notice_id = w.notice_id LIMIT 1) n
    """)

  /// Reads the conflicts to be resolved.
  static func readNotices(_ people: [PendingUser], by runner: some StatementRunner) async throws(StoreError) {
    let wanted = people.enumerated().flatMap { place, person in person.noticeIDs.map { (place, person.userID, $0) } }
    guard !wanted.isEmpty else { return }
    let found = try await runner.rows(
      noticeSet, .int32Array(wanted.map { Int32(clamping: $0.0) }), .identifiers(wanted.map(\.1)),
      .identifiers(wanted.map(\.2))
    ) { row throws(DatabaseError) in
      (place: Int(try row.int32(0)), entry: try row.notice(notice))
    }
    for (place, entry) in found where people.indices.contains(place) { people[place].notices[entry.id] = entry.notice }
  }

  private static let outcome = Selection(OperationColumn.outcome, from: 1)
  private static let outcomeSet = Statement(
    .read,
    """
    SELECT w.place, \(outcome.list(of: "o"))
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::bigint[]) AS w (place, user_id, device_id, seq)
      CROSS JOIN LATERAL (
        SELECT * FROM operations
        WHERE operations.user_id = w.user_id AND operations.device_id = w.device_id AND operations.seq = w.seq LIMIT 1) o
    """)

  /// Reads the outcomes of operations that were decided before.
  static func readOutcomes(_ people: [PendingUser], by runner: some StatementRunner) async throws(StoreError) {
    let wanted = people.enumerated().flatMap { place, person in person.replayedKeys.map { (place, person.userID, $0) } }
    guard !wanted.isEmpty else { return }
    let found = try await runner.rows(
      outcomeSet, .int32Array(wanted.map { Int32(clamping: $0.0) }), .identifiers(wanted.map(\.1)),
      .identifiers(wanted.map(\.2.deviceID)), .int64Array(wanted.map(\.2.seq))
    ) { row throws(DatabaseError) in
      (place: Int(try row.int32(0)), outcome: try row.storedOutcome(outcome))
    }
    for (place, outcome) in found where people.indices.contains(place) {
      people[place].stored[outcome.key] = outcome.stored
    }
  }

  // Columns hold the statements of most days of a habit; the details of the others are read whole.
  private static let activitySet = Statement(
    .read,
    """
    SELECT w.place, c.source_id, max(c.seq), ''::bytea
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS w (place, user_id, habit_id)
      JOIN cells c ON c.user_id = w.user_id AND c.habit_id = w.habit_id AND c.details = '' GROUP BY w.place, c.source_id
    UNION ALL
    SELECT w.place, c.source_id, c.seq, c.details
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS w (place, user_id, habit_id)
      JOIN cells c ON c.user_id = w.user_id AND c.habit_id = w.habit_id AND c.details <> ''
    """)

  /// Reads the standing statements of habits that are to be deleted, or were deleted once.
  static func readActivity(_ people: [PendingUser], by runner: some StatementRunner) async throws(StoreError) {
    try await readActivity(of: people.flatMap { person in person.habitsWithActivity.map { (person, $0) } }, by: runner)
  }

  /// Reads the standing statements of these habits.
  static func readActivity(
    of wanted: [(PendingUser, Identifier)], by runner: some StatementRunner
  ) async throws(StoreError) {
    guard !wanted.isEmpty else { return }
    let found = try await runner.rows(
      activitySet, .int32Array(wanted.indices.map { Int32(clamping: $0) }), .identifiers(wanted.map(\.0.userID)),
      .identifiers(wanted.map(\.1))
    ) { row throws(DatabaseError) in
      let id = StatementID(source: try row.identifier(1), seq: try row.int64(2))
      let details = try row.bytes(3)
      let statements = details.isEmpty ? nil : DayStatements(encoded: details)
      return (place: Int(try row.int32(0)), activity: statements?.activity ?? [id])
    }
    var activity = [[StatementID]](repeating: [], count: wanted.count)
    for (place, ids) in found where wanted.indices.contains(place) { activity[place] += ids }
    for (place, (person, habitID)) in wanted.enumerated() {
      person.ledger?.load(activity: activity[place], of: habitID)
    }
  }

  private static let countedDays = Statement(
    .read, "SELECT day FROM cells WHERE user_id = $1 AND habit_id = $2 AND done AND quarantine_reason = 0")

  // CellState.itemDigest in SQL: sending the notes of many years would be slow.
  private static let cellDigests = Statement(
    .read,
    """
    SELECT substr(sha256(
      '\\x02'::bytea || uuid_send(habit_id) || int4send(day) || CASE WHEN done THEN '\\x01'::bytea ELSE '\\x00'::bytea END
        || substr(int4send(quarantine_reason), 4) || int4send(octet_length(note)) || convert_to(note, 'UTF8')), 1, 16)
    FROM cells WHERE user_id = $1 AND habit_id = $2
    """)

  /// Reads the data about whole habits that a change needs, as stored. It may be newer than the
  /// state of the decision: then the change is not stored.
  static func readFullHabits(_ person: PendingUser, by runner: some StatementRunner) async throws(StoreError) {
    for habitID in person.ledger?.staleSummaries ?? [] {
      let days = try await runner.rows(countedDays, .identifier(person.userID), .identifier(habitID)) {
        row throws(DatabaseError) in Day(try row.int32(0))
      }
      person.ledger?.setStoredCountedDays(days, of: habitID)
    }
    for habitID in person.ledger?.staleDigests ?? [] {
      let digests = try await runner.rows(cellDigests, .identifier(person.userID), .identifier(habitID)) {
        row throws(DatabaseError) in try row.digest(0)
      }
      var sum = StateDigest.empty
      for digest in digests { sum += digest }
      person.ledger?.setStoredCellsDigest(sum, of: habitID)
    }
  }
}
