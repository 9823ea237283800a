internal import Postgres
internal import StreakDomain

/// The parts of the statement that stores a change: the rows they take, and what they do with them.
extension LedgerStore {
  /// Stands in the parts' texts for: the row's person is one for whom this takes effect.
  static let changed = "CHANGED"

  // MARK: Heads

  struct HeadRow {
    let userID: Identifier
    let oldNumber: Int64
    let ledger: PersonLedger
  }

  static let heads = ColumnarPart<HeadRow>(
    [
      .identifier("user_id") { $0.userID }, .int64("old_number") { $0.oldNumber },
      .int64("new_number") { $0.ledger.changeNumber }, .bytes("digest") { $0.ledger.digest.bytes },
      .bytes("zone_uses") { $0.ledger.zones.encoded }, .int32("habit_count") { Int32(clamping: $0.ledger.habitCount) },
      .bytes("sources") { $0.ledger.sources.encoded }, .bytes("settings") { $0.ledger.settings.encoded },
      .bytes("storage_use") { $0.ledger.use.encoded },
    ],
    """
    UPDATE heads SET change_number = w.new_number, digest = w.digest, zone_uses = w.zone_uses,
      habit_count = w.habit_count, sources = w.sources, settings = w.settings, storage_use = w.storage_use
    FROM SOURCE WHERE heads.user_id = w.user_id AND heads.change_number = w.old_number RETURNING heads.user_id
    """)

  // MARK: Cells

  struct CellRow {
    let userID: Identifier
    let key: CellKey
    let state: CellState
    /// Of a passing state the version that replaced it, of a cell the one that made the first state
    /// of this change.
    let linkedVersion: Int64
    /// Of a superseded state: its texts go to the history with it.
    var keepsText = true
  }

  private static let cellColumns: [Column<CellRow>] = [
    .identifier("user_id") { $0.userID }, .identifier("habit_id") { $0.key.habitID },
    .int32("day") { $0.key.day.number }, .bool("done") { $0.state.cell.done }, .text("note") { $0.state.cell.note },
    .int16("quarantine_reason") { Int16($0.state.cell.trust.number) }, .int64("version") { $0.state.version },
    .identifier("source_id") { $0.state.stamp.id.source }, .int64("seq") { $0.state.stamp.id.seq },
    .int64("changed_time") { Int64(bitPattern: $0.state.stamp.time.packed) },
    .bytes("details") { $0.state.encodedDetails },
    .milliseconds("occurred_at") { $0.state.made.occurredAtMilliseconds }, .text("zone") { $0.state.made.zone },
    .int32("utc_offset_seconds") { $0.state.made.utcOffsetSeconds },
    .int16("day_start_minutes") { Int16(clamping: $0.state.made.dayStartMinutes) },
    .milliseconds("recorded_at") { $0.state.recordedAtMilliseconds },
  ]
  private static let cellColumnNames = cellColumns.map(\.name).joined(separator: ", ")

  private static let supersededColumns =
    cellColumns + [.int64("next_version") { $0.linkedVersion }, .bool("keeps_text") { $0.keepsText }]

  /// The columns of a superseded state in `cell_history`, of a table of cells: of a note that is
  /// not kept its hash is.
  private static func superseded(_ table: String) -> String {
    cellColumns.map { column in
      switch column.name {
      case "note": "CASE WHEN w.keeps_text THEN \(table).note ELSE '' END"
      case "details": "CASE WHEN w.keeps_text THEN \(table).details ELSE '' END"
      default: "\(table).\(column.name)"
      }
    }.joined(separator: ", ") + """

      , w.next_version,
      CASE WHEN w.keeps_text OR \(table).note = '' THEN '' ELSE sha256(convert_to(\(table).note, 'UTF8')) END
      """

  }

  static let passingStates = ColumnarPart(
    supersededColumns,
    """

    INSERT INTO cell_history (\(cellColumnNames), next_version, note_hash) SELECT \(superseded("w")) FROM SOURCE WHERE \(changed)
    """)
  static let newCells = ColumnarPart(
    cellColumns + [.int64("first_version") { $0.linkedVersion }],
    "INSERT INTO cells (\(cellColumnNames), first_version) SELECT w.* FROM SOURCE WHERE \(changed)")
  /// Not a change by itself: what the next two parts take, sent once.
  static let replaced = ColumnarPart(supersededColumns, "SELECT * FROM SOURCE")
  static let history = ColumnarPart<CellRow>(
    [],
    """
    INSERT INTO cell_history (\(cellColumnNames), next_version, note_hash)
    SELECT \(superseded("cells")) FROM replaced_part w
      JOIN cells ON cells.user_id = w.user_id AND cells.habit_id = w.habit_id AND cells.day = w.day
    WHERE \(changed)
    """)
  // A cell that is there is updated: `ON CONFLICT` would look it up once more, and lock it.
  static let replacedCells = ColumnarPart<CellRow>(
    [],
    """
    UPDATE cells SET
      done = w.done, note = w.note, quarantine_reason = w.quarantine_reason, version = w.version,
      source_id = w.source_id, seq = w.seq, changed_time = w.changed_time, details = w.details,
      occurred_at = w.occurred_at, zone = w.zone, utc_offset_seconds = w.utc_offset_seconds,
      day_start_minutes = w.day_start_minutes, recorded_at = w.recorded_at
    FROM replaced_part w
    WHERE cells.user_id = w.user_id AND cells.habit_id = w.habit_id AND cells.day = w.day AND \(changed)
    """)

  // MARK: Habits

  struct HabitRow {
    let userID: Identifier
    let habitID: Identifier
    let habit: HabitState
  }

  /// The columns of `StreakSummary.columns`, and what else follows from a habit's cells.
  private static let summaryColumns: [Column<HabitRow>] = [
    .int32("total_days") { $0.habit.summary.columns.total },
    .int32("longest_run") { $0.habit.summary.columns.longest },
    .int32("last_first") { $0.habit.summary.columns.lastFirst },
    .int32("last_last") { $0.habit.summary.columns.lastLast },
    .int32("previous_first") { $0.habit.summary.columns.previousFirst },
    .int32("previous_last") { $0.habit.summary.columns.previousLast },
    .int16("early_days") { Int16(clamping: $0.habit.earlyDays) },
  ]

  static let summaries = ColumnarPart(
    [.identifier("user_id") { $0.userID }, .identifier("habit_id") { $0.habitID }] + summaryColumns,
    """
    UPDATE habits SET total_days = w.total_days, longest_run = w.longest_run, last_run_first_day = w.last_first,
      last_run_last_day = w.last_last, previous_run_first_day = w.previous_first,
      previous_run_last_day = w.previous_last, early_days = w.early_days
    FROM SOURCE WHERE habits.user_id = w.user_id AND habits.habit_id = w.habit_id AND \(changed)
    """)

  static let habits = ColumnarPart<HabitRow>(
    [
      .identifier("user_id") { $0.userID }, .identifier("habit_id") { $0.habitID },
      .text("name") { $0.habit.fields.name }, .text("description") { $0.habit.fields.description },
      .int32("color") { Int32(clamping: $0.habit.fields.color) }, .int32("position") { $0.habit.fields.position },
      .bool("archived") { $0.habit.fields.archived }, .milliseconds("created_at") { $0.habit.createdAtMilliseconds },
      .int64("version") { $0.habit.version }, .bool("is_deleted") { $0.habit.isDeleted },
      .int64("returned_version") { $0.habit.returnedVersion },
      .bytes("statements") { $0.habit.encodedStatements }, .identifier("alias_of") { $0.habit.aliasOf },
      .identifier("first_id") { $0.habit.firstID },
    ] + summaryColumns,
    """
    INSERT INTO habits (
      user_id, habit_id, name, description, color, position, archived, created_at, version, is_deleted,
      returned_version, statements, alias_of, first_id, total_days, longest_run, last_run_first_day, last_run_last_day,
      previous_run_first_day, previous_run_last_day, early_days)
    SELECT w.* FROM SOURCE WHERE \(changed)
    ON CONFLICT (user_id, habit_id) DO UPDATE SET
      name = excluded.name, description = excluded.description, color = excluded.color, position = excluded.position,
      archived = excluded.archived, version = excluded.version, is_deleted = excluded.is_deleted,
      returned_version = excluded.returned_version, statements = excluded.statements, alias_of = excluded.alias_of,
      first_id = excluded.first_id,
      total_days = excluded.total_days, longest_run = excluded.longest_run,
      last_run_first_day = excluded.last_run_first_day, last_run_last_day = excluded.last_run_last_day,
      previous_run_first_day = excluded.previous_run_first_day, previous_run_last_day = excluded.previous_run_last_day,
      early_days = excluded.early_days
    """)

  // MARK: Operations

  struct OperationRow {
    let userID: Identifier
    let decided: LedgerPerson.Decided
    let decidedAt: Moment

    var outcome: OperationOutcome { decided.outcome }
  }

  static let operations = ColumnarPart<OperationRow>(
    [
      .identifier("user_id") { $0.userID }, .identifier("device_id") { $0.decided.deviceID },
      .int64("seq") { $0.outcome.seq }, .bytes("payload_hash") { $0.decided.queued.payloadHash },
      .int16("status") { $0.outcome.status.rawValue }, .int32("reason") { $0.outcome.rejection?.rawValue ?? 0 },
      .int16("quarantine_reason") { $0.outcome.trust.map { Int16($0.number) } ?? -1 },
      .int64("change_number") { $0.outcome.changeNumber }, .identifier("notice_id") { $0.outcome.noticeID },
      .moment("decided_at") { $0.decidedAt },
    ],
    """
    INSERT INTO operations (
      user_id, device_id, seq, payload_hash, status, reason, quarantine_reason, change_number, notice_id, decided_at)
    SELECT w.* FROM SOURCE WHERE \(changed)
    """)

  static let rejected = ColumnarPart<OperationRow>(
    [
      .identifier("user_id") { $0.userID }, .identifier("device_id") { $0.decided.deviceID },
      .int64("seq") { $0.outcome.seq },
      .bytes("operation") { $0.decided.keepsPayload ? $0.decided.queued.payload : nil },
      .int32("reason") { $0.outcome.rejection?.rawValue ?? 0 }, .moment("rejected_at") { $0.decidedAt },
      .bytes("payload_hash") { $0.decided.queued.payloadHash },
    ],
    """
    INSERT INTO rejected_operations (user_id, device_id, seq, operation, reason, rejected_at, payload_hash)
    SELECT w.* FROM SOURCE WHERE \(changed)
    """)

  // MARK: Notices and hints

  struct NoticeRow {
    let userID: Identifier
    let noticeID: Identifier
    let notice: Notice
  }

  static let notices = ColumnarPart<NoticeRow>(
    [
      .identifier("user_id") { $0.userID }, .identifier("notice_id") { $0.noticeID },
      .int16("kind") { $0.notice.kind.rawValue }, .identifier("habit_id") { $0.notice.habitID },
      .int32("day") { $0.notice.day?.number ?? 0 },
      .int16("field") { Int16(clamping: $0.notice.field?.rawValue ?? 0) }, .text("kept") { $0.notice.kept },
      .text("other") { $0.notice.other }, .identifier("other_device_id") { $0.notice.otherDeviceID },
      .milliseconds("made_at") { $0.notice.madeAtMilliseconds }, .int64("version") { $0.notice.version },
      .bool("resolved") { $0.notice.isResolved },
    ],
    """
    INSERT INTO notices (
      user_id, notice_id, kind, habit_id, day, field, kept, other, other_device_id, made_at, version, resolved)
    SELECT w.* FROM SOURCE WHERE \(changed)
    ON CONFLICT (user_id, notice_id) DO UPDATE SET
      kept = excluded.kept, other = excluded.other, version = excluded.version, resolved = excluded.resolved
    """)

  static let hints = ColumnarPart<String>(
    [.text("payload") { $0 }],
    "SELECT NULL::uuid FROM (SELECT pg_notify('\(ChangeHint.channel)', w.payload) FROM SOURCE) AS notified")
}
