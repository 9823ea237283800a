internal import Postgres
internal import StreakDomain

/// The parts of the statement that stores a change: the rows that they take, and their SQL.
extension ApplyStatement {
  /// Stands in the parts' texts for: the changes of the row's user take effect.
  static let changed = "CHANGED"

  // Rows are objects: each column reads a row, and a copy of one costs a reference.

  // MARK: Heads

  final class HeadRow: Sendable {
    let userID: Identifier
    let oldNumber: Int64
    let ledger: PersonLedger

    init(userID: Identifier, oldNumber: Int64, ledger: PersonLedger) {
      self.userID = userID
      self.oldNumber = oldNumber
      self.ledger = ledger
    }
  }

  static let heads = ColumnarPart<HeadRow>(
    ([.userID] + HeadColumn.changing).map(\.written) + [.int64("old_number") { $0.oldNumber }],
    """
    UPDATE heads SET \(HeadColumn.changing.assignments(from: "w"))
    FROM SOURCE WHERE heads.user_id = w.user_id AND heads.change_number = w.old_number RETURNING heads.user_id
    """)

  // MARK: Cells

  final class CellRow: Sendable {
    let userID: Identifier
    let key: CellKey
    let state: CellState
    /// For a passing state the version that replaced it, for a cell the one that made the first
    /// state of this change.
    let linkedVersion: Int64
    /// For a superseded state: what goes to the history.
    let kept: KeptState
    /// The state before this one is not kept: so this one is found as the cell's first one is.
    let followsDropped: Bool
    /// The hash of the note of an earlier state that comes without it.
    let noteHash: [UInt8]

    init(
      userID: Identifier, key: CellKey, state: CellState, linkedVersion: Int64, kept: KeptState = .whole,
      followsDropped: Bool = false, noteHash: [UInt8] = []
    ) {
      self.userID = userID
      self.key = key
      self.state = state
      self.linkedVersion = linkedVersion
      self.kept = kept
      self.followsDropped = followsDropped
      self.noteHash = noteHash
    }
  }

  private static let supersededColumns =
    CellColumn.shared.map(\.written) + [
      CellColumn.nextVersion.written, .bool("keeps_text") { $0.kept == .whole },
      .bool("keeps_state") { $0.kept != .nothing }, .bool("follows_dropped") { $0.followsDropped },
    ]

  /// The columns of a superseded state in `cell_history`, from a table of cells; a note that is not
  /// kept is replaced by its hash.
  private static func superseded(_ table: String) -> String {
    CellColumn.shared.map { column in
      switch column {
      case .note, .details: "CASE WHEN w.keeps_text THEN \(table).\(column.columnName) ELSE '' END"
      default: "\(table).\(column.columnName)"
      }
    }.joined(separator: ", ") + """

      , w.next_version,
      CASE WHEN w.keeps_text OR \(table).note = '' THEN '' ELSE sha256(convert_to(\(table).note, 'UTF8')) END
      """
  }

  private static let historyColumns = (CellColumn.shared + [.nextVersion, .noteHash]).list()

  static let passingStates = ColumnarPart(
    supersededColumns,
    "INSERT INTO cell_history (\(historyColumns)) SELECT \(superseded("w")) FROM SOURCE WHERE \(changed)")
  static let newCells = ColumnarPart(
    (CellColumn.shared + [.firstVersion]).map(\.written),
    "INSERT INTO cells (\((CellColumn.shared + [.firstVersion]).list())) SELECT w.* FROM SOURCE WHERE \(changed)")
  /// Not a change by itself: the rows for the next two parts, sent once.
  static let replaced = ColumnarPart(supersededColumns, "SELECT * FROM SOURCE")
  static let history = ColumnarPart<CellRow>(
    [],
    """
    INSERT INTO cell_history (\(historyColumns))
    SELECT \(superseded("cells")) FROM replaced_part w
      JOIN cells ON cells.user_id = w.user_id AND cells.habit_id = w.habit_id AND cells.day = w.day
    WHERE w.keeps_state AND \(changed)
    """)
  // An existing cell is updated: `ON CONFLICT` would look it up once more, and lock it.
  static let replacedCells = ColumnarPart<CellRow>(
    [],
    """
    UPDATE cells SET \(CellColumn.state.assignments(from: "w")),
      first_version = CASE WHEN w.follows_dropped THEN w.version ELSE cells.first_version END
    FROM replaced_part w
    WHERE cells.user_id = w.user_id AND cells.habit_id = w.habit_id AND cells.day = w.day AND \(changed)
    """)

  // MARK: Habits

  final class HabitRow: Sendable {
    let userID: Identifier
    let habitID: Identifier
    let habit: HabitState

    init(userID: Identifier, habitID: Identifier, habit: HabitState) {
      self.userID = userID
      self.habitID = habitID
      self.habit = habit
    }
  }

  static let summaries = ColumnarPart<HabitRow>(
    ([.userID, .habitID] + HabitColumn.counted).map(\.written),
    """
    UPDATE habits SET \(HabitColumn.counted.assignments(from: "w"))
    FROM SOURCE WHERE habits.user_id = w.user_id AND habits.habit_id = w.habit_id AND \(changed)
    """)

  static let habits = ColumnarPart<HabitRow>(
    HabitColumn.allCases.map(\.written),
    """
    INSERT INTO habits (\(HabitColumn.allCases.list())) SELECT w.* FROM SOURCE WHERE \(changed)
    ON CONFLICT (user_id, habit_id) DO UPDATE SET \(HabitColumn.changing.assignments(from: "excluded"))
    """)

  // MARK: Operations

  final class OperationRow: Sendable {
    let userID: Identifier
    let decided: PendingUser.Decided
    let decidedAt: Instant

    init(userID: Identifier, decided: PendingUser.Decided, decidedAt: Instant) {
      self.userID = userID
      self.decided = decided
      self.decidedAt = decidedAt
    }

    var outcome: OperationOutcome { decided.outcome }
  }

  static let operations = ColumnarPart<OperationRow>(
    OperationColumn.allCases.map(\.written),
    "INSERT INTO operations (\(OperationColumn.allCases.list())) SELECT w.* FROM SOURCE WHERE \(changed)")

  static let rejected = ColumnarPart<RejectedOperationRow>(
    RejectedOperationColumn.allCases.map(\.written),
    """
    INSERT INTO rejected_operations (\(RejectedOperationColumn.allCases.list())) SELECT w.* FROM SOURCE WHERE \(changed)
    """)

  // MARK: Notices

  final class NoticeRow: Sendable {
    let userID: Identifier
    let noticeID: Identifier
    let notice: Notice

    init(userID: Identifier, noticeID: Identifier, notice: Notice) {
      self.userID = userID
      self.noticeID = noticeID
      self.notice = notice
    }
  }

  static let notices = ColumnarPart<NoticeRow>(
    NoticeColumn.allCases.map(\.written),
    """
    INSERT INTO notices (\(NoticeColumn.allCases.list())) SELECT w.* FROM SOURCE WHERE \(changed)
    ON CONFLICT (user_id, notice_id) DO UPDATE SET \(NoticeColumn.changing.assignments(from: "excluded"))
    """)
}
