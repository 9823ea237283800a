internal import Postgres
internal import StreakDomain
internal import Synchronization

/// Stores what was decided for any number of people in one statement.
///
/// For each person all of it takes effect, or none if the person's change number is not the one that was loaded any more. Whoever changes a
/// person's data raises that number in the same statement; so the row in `users` is the lock, and rows are locked in the order of the ids.
struct LedgerStore {
  /// The tables that a change may touch, in the order of the statement's parts.
  private enum Target: Int, CaseIterable {
    case users
    case devices
    case history
    case passing
    case newCells
    case replacedCells
    case summaries
    case habits
    case operations
    case rejected
    case notices
    case hints
  }

  /// Stands in the parts' texts for: the row's person is one for whom this takes effect.
  private static let changed = "CHANGED"

  private var parts: [(target: Target, part: ColumnarPart)] = []

  /// - Parameter people: Those with changes, by ascending id.
  init(_ people: [LedgerPerson], now: Moment) {
    let ledgers = people.compactMap { person in person.ledger.map { (person: person, ledger: $0) } }
    addPeople(ledgers)
    addDevices(ledgers)
    addCells(ledgers)
    addHabits(ledgers)
    addOperations(ledgers.map(\.person), now: now)
    addNotices(ledgers)
    addHints(ledgers)
  }

  /// - Returns: The people for whom it took effect.
  func run(by runner: some StatementRunner) async throws(StoreError) -> Set<Identifier> {
    let bound = bound
    do throws(DatabaseError) {
      let stored = try await runner.run(bound.statement, parameters: bound.parameters).map {
        row throws(DatabaseError) in
        try row.identifierOrNull(0)
      }
      return Set(stored.compactMap { $0 })
    } catch {
      throw StoreError(error)
    }
  }

  /// Finds a row for each person for whom it took effect (and one for each hint).
  var bound: BoundStatement { BoundStatement(statement: statement, parameters: parts.flatMap(\.part.parameters)) }

  // MARK: The statement

  /// Statements by what they store: two bits for each target (0: nothing, 1: one row, 2: several).
  private static let statements = Mutex<[UInt32: Statement]>([:])

  private var statement: Statement {
    let key = parts.reduce(UInt32(0)) { $0 | UInt32($1.part.rowCount == 1 ? 1 : 2) << UInt32(2 * $1.target.rawValue) }
    return Self.statements.withLock { statements in
      if let statement = statements[key] { return statement }
      var next = 1
      var expressions: [String] = []
      var hints = ""
      // One person alone needs no search.
      let isChanged =
        parts.contains { $0.target == .users && $0.part.rowCount == 1 }
        ? "EXISTS (SELECT FROM changed)" : "(w.user_id IN (SELECT user_id FROM changed)) IS TRUE"
      for (target, part) in parts {
        let text = part.text(firstParameter: next).split(separator: Self.changed, omittingEmptySubsequences: false)
          .joined(separator: isChanged)
        next += part.columns.count
        if target == .hints {
          hints = " UNION ALL \(text)"
        } else {
          expressions.append("\(target == .users ? "changed" : "\(target)_part") AS (\(text))")
        }
      }
      let statement = Statement(
        .write, "WITH \(expressions.joined(separator: ", ")) SELECT user_id FROM changed\(hints)")
      statements[key] = statement
      return statement
    }
  }

  private mutating func add(
    _ target: Target, _ rowCount: Int, _ sql: String,
    _ columns: KeyValuePairs<String, (type: String, values: PostgresValue)>
  ) {
    guard rowCount > 0 else { return }
    parts.append(
      (
        target,
        ColumnarPart(
          sql: sql, columns: columns.map { ($0.key, $0.value.type) }, values: columns.map(\.value.values),
          rowCount: rowCount)
      ))
  }

  // MARK: People and devices

  private typealias Changed = (person: LedgerPerson, ledger: PersonLedger)

  private mutating func addPeople(_ people: [Changed]) {
    add(
      .users, people.count,
      """
      UPDATE users SET change_number = w.new_number, digest = w.digest, zone_uses = w.zone_uses,
        habit_count = w.habit_count
      FROM SOURCE WHERE users.user_id = w.user_id AND users.change_number = w.old_number RETURNING users.user_id
      """,
      [
        "user_id": ("uuid", .identifiers(people.map(\.person.userID))),
        "old_number": ("bigint", .int64Array(people.map(\.person.changeNumberBefore))),
        "new_number": ("bigint", .int64Array(people.map(\.ledger.changeNumber))),
        "digest": ("bytea", .bytesArray(people.map(\.ledger.digest.bytes))),
        "zone_uses": ("bytea", .bytesArray(people.map(\.ledger.zones.encoded))),
        "habit_count": ("integer", .int32Array(people.map { Int32(clamping: $0.ledger.habitCount) })),
      ])
  }

  private mutating func addDevices(_ people: [Changed]) {
    let rows = people.flatMap { person, ledger in
      ledger.changes.devices.sorted().compactMap { id in ledger.devices[id].map { (person.userID, id, $0) } }
    }
    add(
      .devices, rows.count,
      """
      UPDATE devices SET last_seq = w.last_seq, caught_up_at = w.caught_up_at, claimed_first_day = w.first_day,
        claimed_days = w.days
      FROM SOURCE WHERE devices.user_id = w.user_id AND devices.device_id = w.device_id AND \(Self.changed)
      """,
      [
        "user_id": ("uuid", .identifiers(rows.map(\.0))), "device_id": ("uuid", .identifiers(rows.map(\.1))),
        "last_seq": ("bigint", .int64Array(rows.map(\.2.lastSeq))),
        "caught_up_at": (
          "timestamptz", .moments(rows.map { Moment(milliseconds: $0.2.catchUp.caughtUpAtMilliseconds) })
        ),
        "first_day": ("integer", .int32Array(rows.map(\.2.catchUp.encodedClaims.firstDay))),
        "days": ("bigint", .int64Array(rows.map(\.2.catchUp.encodedClaims.days))),
      ])
  }

  // MARK: Cells

  private mutating func addCells(_ people: [Changed]) {
    let replaced = people.flatMap { person, ledger in
      ledger.changes.replacedCells.sorted().map { (person.userID, $0) }
    }
    add(
      .history, replaced.count,
      """
      INSERT INTO cell_history SELECT cells.* FROM SOURCE
        JOIN cells ON cells.user_id = w.user_id AND cells.habit_id = w.habit_id AND cells.day = w.day
      WHERE \(Self.changed)
      """,
      [
        "user_id": ("uuid", .identifiers(replaced.map(\.0))),
        "habit_id": ("uuid", .identifiers(replaced.map(\.1.habitID))),
        "day": ("integer", .int32Array(replaced.map(\.1.day.number))),
      ])
    let passing = people.flatMap { person, ledger in
      ledger.changes.passingStates.map { (person.userID, $0.key, $0.state) }
    }
    add(.passing, passing.count, Self.storePassing, Self.columns(of: passing))
    let rows = people.flatMap { person, ledger in
      ledger.changes.cells.sorted().compactMap { key in
        ledger.cells[key].map { (person.userID, key, $0, ledger.changes.replacedCells.contains(key)) }
      }
    }
    let new = rows.filter { !$0.3 }.map { ($0.0, $0.1, $0.2) }
    add(.newCells, new.count, Self.storeNewCells, Self.columns(of: new))
    let changed = rows.filter(\.3).map { ($0.0, $0.1, $0.2) }
    add(.replacedCells, changed.count, Self.storeReplacedCells, Self.columns(of: changed))
  }

  private static let cellColumns = """
    user_id, habit_id, day, done, note, quarantine_reason, version, changed_time, device_id, occurred_at, zone,
    utc_offset_seconds, day_start_minutes, recorded_at, migration_id
    """
  private static let storePassing =
    "INSERT INTO cell_history (\(cellColumns)) SELECT w.* FROM SOURCE WHERE \(changed)"
  private static let storeNewCells = "INSERT INTO cells (\(cellColumns)) SELECT w.* FROM SOURCE WHERE \(changed)"
  // Who knows that a cell is there updates it: `ON CONFLICT` would look it up once more, and lock it.
  private static let storeReplacedCells = """
    UPDATE cells SET
      done = w.done, note = w.note, quarantine_reason = w.quarantine_reason, version = w.version,
      changed_time = w.changed_time, device_id = w.device_id, occurred_at = w.occurred_at, zone = w.zone,
      utc_offset_seconds = w.utc_offset_seconds, day_start_minutes = w.day_start_minutes, recorded_at = w.recorded_at,
      migration_id = w.migration_id
    FROM SOURCE WHERE cells.user_id = w.user_id AND cells.habit_id = w.habit_id AND cells.day = w.day AND \(changed)
    """

  private static func columns(
    of rows: [(Identifier, CellKey, CellState)]
  ) -> KeyValuePairs<String, (type: String, values: PostgresValue)> {
    [
      "user_id": ("uuid", .identifiers(rows.map(\.0))), "habit_id": ("uuid", .identifiers(rows.map(\.1.habitID))),
      "day": ("integer", .int32Array(rows.map(\.1.day.number))),
      "done": ("boolean", .boolArray(rows.map(\.2.cell.done))),
      "note": ("text", .stringArray(rows.map(\.2.cell.note))),
      "quarantine_reason": ("smallint", .int16Array(rows.map { Int16($0.2.cell.trust.number) })),
      "version": ("bigint", .int64Array(rows.map(\.2.stamp.version))),
      "changed_time": ("bigint", .int64Array(rows.map { Int64(bitPattern: $0.2.stamp.time.packed) })),
      "device_id": ("uuid", .uuidArray(rows.map { $0.2.stamp.deviceID?.uuid })),
      "occurred_at": ("timestamptz", .moments(rows.map { Moment(milliseconds: $0.2.made.occurredAtMilliseconds) })),
      "zone": ("text", .stringArray(rows.map(\.2.made.zone))),
      "utc_offset_seconds": ("integer", .int32Array(rows.map(\.2.made.utcOffsetSeconds))),
      "day_start_minutes": ("integer", .int32Array(rows.map(\.2.made.dayStartMinutes))),
      "recorded_at": ("timestamptz", .moments(rows.map { Moment(milliseconds: $0.2.recordedAtMilliseconds) })),
      "migration_id": ("uuid", .uuidArray(rows.map { $0.2.migrationID?.uuid })),
    ]
  }

  // MARK: Habits

  private mutating func addHabits(_ people: [Changed]) {
    let rows = people.flatMap { person, ledger in
      ledger.changes.habits.sorted().compactMap { id in
        ledger.habits[id].map { (person.userID, id, $0, ledger.changes.editedHabits.contains(id)) }
      }
    }
    let summaries = rows.filter { !$0.3 }
    add(
      .summaries, summaries.count,
      """
      UPDATE habits SET total_days = w.total_days, longest_run = w.longest_run, last_run_first_day = w.last_first,
        last_run_last_day = w.last_last, previous_run_first_day = w.previous_first,
        previous_run_last_day = w.previous_last, cells_digest = w.cells_digest, completion_stamps = w.completions
      FROM SOURCE WHERE habits.user_id = w.user_id AND habits.habit_id = w.habit_id AND \(Self.changed)
      """,
      Self.summaryColumns(of: summaries.map { ($0.0, $0.1, $0.2) }))
    let edited = rows.filter(\.3).map { ($0.0, $0.1, $0.2) }
    add(.habits, edited.count, Self.storeHabits, Self.columns(of: edited))
  }

  private static func summaryColumns(
    of rows: [(Identifier, Identifier, HabitState)]
  ) -> KeyValuePairs<String, (type: String, values: PostgresValue)> {
    let summaries = rows.map(\.2.summary.columns)
    func summary(_ index: Int) -> (type: String, values: PostgresValue) {
      ("integer", .int32Array(summaries.map { $0[index] }))
    }
    return [
      "user_id": ("uuid", .identifiers(rows.map(\.0))), "habit_id": ("uuid", .identifiers(rows.map(\.1))),
      "total_days": summary(0), "longest_run": summary(1), "last_first": summary(2), "last_last": summary(3),
      "previous_first": summary(4), "previous_last": summary(5),
      "cells_digest": ("bytea", .bytesArray(rows.map(\.2.cellsDigest.bytes))),
      "completions": ("bytea", .bytesArray(rows.map { LedgerRows.encode($0.2.completions) })),
    ]
  }

  private static let storeHabits = """
    INSERT INTO habits (
      user_id, habit_id, name, description, color, position, archived, created_at, version, is_deleted,
      returned_version, field_stamps, total_days, longest_run, last_run_first_day, last_run_last_day,
      previous_run_first_day, previous_run_last_day, cells_digest, completion_stamps)
    SELECT w.* FROM SOURCE WHERE \(changed)
    ON CONFLICT (user_id, habit_id) DO UPDATE SET
      name = excluded.name, description = excluded.description, color = excluded.color, position = excluded.position,
      archived = excluded.archived, version = excluded.version, is_deleted = excluded.is_deleted,
      returned_version = excluded.returned_version, field_stamps = excluded.field_stamps,
      total_days = excluded.total_days, longest_run = excluded.longest_run,
      last_run_first_day = excluded.last_run_first_day, last_run_last_day = excluded.last_run_last_day,
      previous_run_first_day = excluded.previous_run_first_day, previous_run_last_day = excluded.previous_run_last_day,
      cells_digest = excluded.cells_digest, completion_stamps = excluded.completion_stamps
    """

  private static func columns(
    of rows: [(Identifier, Identifier, HabitState)]
  ) -> KeyValuePairs<String, (type: String, values: PostgresValue)> {
    let summaries = rows.map(\.2.summary.columns)
    func summary(_ index: Int) -> (type: String, values: PostgresValue) {
      ("integer", .int32Array(summaries.map { $0[index] }))
    }
    return [
      "user_id": ("uuid", .identifiers(rows.map(\.0))), "habit_id": ("uuid", .identifiers(rows.map(\.1))),
      "name": ("text", .stringArray(rows.map(\.2.fields.name))),
      "description": ("text", .stringArray(rows.map(\.2.fields.description))),
      "color": ("integer", .int32Array(rows.map { Int32(clamping: $0.2.fields.color) })),
      "position": ("integer", .int32Array(rows.map(\.2.fields.position))),
      "archived": ("boolean", .boolArray(rows.map(\.2.fields.archived))),
      "created_at": ("timestamptz", .moments(rows.map { Moment(milliseconds: $0.2.createdAtMilliseconds) })),
      "version": ("bigint", .int64Array(rows.map(\.2.version))),
      "is_deleted": ("boolean", .boolArray(rows.map(\.2.isDeleted))),
      "returned_version": ("bigint", .int64Array(rows.map(\.2.returnedVersion))),
      "field_stamps": ("bytea", .bytesArray(rows.map { LedgerRows.encode($0.2.stamps) })),
      "total_days": summary(0), "longest_run": summary(1), "last_first": summary(2), "last_last": summary(3),
      "previous_first": summary(4), "previous_last": summary(5),
      "cells_digest": ("bytea", .bytesArray(rows.map(\.2.cellsDigest.bytes))),
      "completions": ("bytea", .bytesArray(rows.map { LedgerRows.encode($0.2.completions) })),
    ]
  }

  // MARK: Operations

  private mutating func addOperations(_ people: [LedgerPerson], now: Moment) {
    let rows = people.flatMap { person in person.decided.map { (person.userID, $0) } }
    add(
      .operations, rows.count,
      """
      INSERT INTO operations (
        user_id, device_id, seq, payload_hash, status, reason, quarantine_reason, change_number, notice_id, decided_at)
      SELECT w.* FROM SOURCE WHERE \(Self.changed)
      """,
      [
        "user_id": ("uuid", .identifiers(rows.map(\.0))), "device_id": ("uuid", .identifiers(rows.map(\.1.deviceID))),
        "seq": ("bigint", .int64Array(rows.map(\.1.outcome.seq))),
        "payload_hash": ("bytea", .bytesArray(rows.map(\.1.queued.payloadHash))),
        "status": ("smallint", .int16Array(rows.map(\.1.outcome.status.rawValue))),
        "reason": ("integer", .int32Array(rows.map { $0.1.outcome.rejection?.number ?? 0 })),
        "quarantine_reason": ("smallint", .int16Array(rows.map { $0.1.outcome.trust.map { Int16($0.number) } ?? -1 })),
        "change_number": ("bigint", .int64Array(rows.map(\.1.outcome.changeNumber))),
        "notice_id": ("uuid", .uuidArray(rows.map { $0.1.outcome.noticeID?.uuid })),
        "decided_at": ("timestamptz", .moments(rows.map { _ in now })),
      ])
    let rejected = rows.filter { $0.1.outcome.status == .rejected }
    add(
      .rejected, rejected.count,
      """
      INSERT INTO rejected_operations (user_id, device_id, seq, operation, reason, rejected_at)
      SELECT w.* FROM SOURCE WHERE \(Self.changed)
      """,
      [
        "user_id": ("uuid", .identifiers(rejected.map(\.0))),
        "device_id": ("uuid", .identifiers(rejected.map(\.1.deviceID))),
        "seq": ("bigint", .int64Array(rejected.map(\.1.outcome.seq))),
        "operation": (
          "bytea",
          .bytesArray(
            rejected.map { $0.1.queued.payload.count <= QueuedOperation.keptBytesMax ? $0.1.queued.payload : nil })
        ), "reason": ("integer", .int32Array(rejected.map { $0.1.outcome.rejection?.number ?? 0 })),
        "rejected_at": ("timestamptz", .moments(rejected.map { _ in now })),
      ])
  }

  // MARK: Notices and hints

  private mutating func addNotices(_ people: [Changed]) {
    let rows = people.flatMap { person, ledger in
      ledger.changes.notices.sorted().compactMap { id in ledger.notices[id].map { (person.userID, id, $0) } }
    }
    add(
      .notices, rows.count,
      """
      INSERT INTO notices (
        user_id, notice_id, kind, habit_id, day, field, kept, other, other_device_id, made_at, version, resolved)
      SELECT w.* FROM SOURCE WHERE \(Self.changed)
      ON CONFLICT (user_id, notice_id) DO UPDATE SET
        kept = excluded.kept, other = excluded.other, version = excluded.version, resolved = excluded.resolved
      """,
      [
        "user_id": ("uuid", .identifiers(rows.map(\.0))), "notice_id": ("uuid", .identifiers(rows.map(\.1))),
        "kind": ("smallint", .int16Array(rows.map(\.2.kind.rawValue))),
        "habit_id": ("uuid", .identifiers(rows.map(\.2.habitID))),
        "day": ("integer", .int32Array(rows.map { $0.2.day?.number ?? 0 })),
        "field": ("smallint", .int16Array(rows.map { Int16(clamping: $0.2.field?.rawValue ?? 0) })),
        "kept": ("text", .stringArray(rows.map(\.2.kept))), "other": ("text", .stringArray(rows.map(\.2.other))),
        "other_device_id": ("uuid", .uuidArray(rows.map { $0.2.otherDeviceID?.uuid })),
        "made_at": ("timestamptz", .moments(rows.map { Moment(milliseconds: $0.2.madeAtMilliseconds) })),
        "version": ("bigint", .int64Array(rows.map(\.2.version))),
        "resolved": ("boolean", .boolArray(rows.map(\.2.isResolved))),
      ])
  }

  /// Tells those who watch. A hint for somebody whose change does not take effect after all does no harm.
  private mutating func addHints(_ people: [Changed]) {
    let hints = people.compactMap { person, ledger in
      person.hasOtherDevices && ledger.changes.isVisible
        ? ChangeHint(
          userID: person.userID, changeNumber: ledger.changeNumber, deviceID: person.onlyDeviceID)
        : nil
    }
    let payloads = ChangeHint.payloads(hints)
    add(
      .hints, payloads.count,
      "SELECT NULL::uuid FROM (SELECT pg_notify('\(ChangeHint.channel)', w.payload) FROM SOURCE) AS notified",
      ["payload": ("text", .stringArray(payloads))])
  }
}

extension OperationRejection {
  /// The number of the schema's `ErrorReason`.
  var number: Int32 {
    switch self {
    case .malformed: 1
    case .futureDay: 12
    case .dayMismatch: 13
    case .daySealed: 14
    case .habitNotFound: 15
    case .cellNotFound: 16
    case .habitLimit: 19
    case .clockSkew: 28
    case .changeUnknown: 29
    case .conflictNotFound: 30
    }
  }

  init?(number: Int32) {
    guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
    self = found
  }
}
