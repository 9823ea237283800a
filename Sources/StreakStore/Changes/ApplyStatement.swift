internal import Postgres
internal import StreakDomain
internal import Synchronization

/// Stores the decided changes of any number of users in one statement.
///
/// The changes of a user take effect together, or not at all if the user's change number is not the
/// loaded one any more. Every change of a user's data raises that number in the same statement; so
/// the row in `heads` is the lock, and rows are locked in the order of the ids. For one new cell
/// the SQL is:
///
/// ```
/// WITH changed AS (UPDATE heads SET ... WHERE ... change_number = w.old_number RETURNING user_id),
///   newCells_part AS (INSERT INTO cells (...) SELECT w.* FROM (SELECT $10::uuid, ...) AS w (...)
///     WHERE EXISTS (SELECT FROM changed))
/// SELECT user_id FROM changed
/// ```
struct ApplyStatement: Sendable {
  /// The tables that a change may touch, in the order of the statement's parts.
  private enum Target: Int, CaseIterable {
    case heads
    case passing
    case newCells
    case replaced
    case history
    case replacedCells
    case summaries
    case habits
    case operations
    case rejected
    case notices
  }

  /// The parts of this statement, each for one row or for several.
  private var parts: [(target: Target, part: any StatementPart, isSingle: Bool)] = []
  private var parameters: [PostgresValue] = []

  /// - Parameter people: The users with changes, by ascending id.
  init(_ people: [PendingUser], now: Instant) {
    var rows = Rows()
    for person in people { rows.append(person, now: now) }
    self.init(rows)
  }

  /// Room for the parameters of a change of days and operations.
  private static let usualParameterCount = 96

  /// Days that one statement stores of a large change. More would be encoded, sent and read while
  /// the loop waits, and a statement's parameters have a limit (`statementBytesMax`).
  static let cellsPerPieceMax = 1_000

  /// A large change of one person as several statements, for a transaction that holds the lock of
  /// the person's row: the first finds a row if it takes effect, the others store more days.
  static func pieces(of userID: Identifier, _ ledger: PersonLedger, changeNumberBefore: Int64) -> [ApplyStatement] {
    var rows = Rows()
    rows.append(userID, ledger, changeNumberBefore: changeNumberBefore)
    var pieces: [ApplyStatement] = []
    repeat {
      pieces.append(ApplyStatement(rows.takePiece(cellsMax: cellsPerPieceMax)))
    } while !rows.isEmpty
    return pieces
  }

  private init(_ rows: Rows) {
    parameters.reserveCapacity(Self.usualParameterCount)
    add(.heads, Self.heads, rows.heads)
    add(.passing, Self.passingStates, rows.passing)
    add(.newCells, Self.newCells, rows.newCells)
    add(.replaced, Self.replaced, rows.replacedCells)
    add(.history, Self.history, rows.replacedCells)
    add(.replacedCells, Self.replacedCells, rows.replacedCells)
    add(.summaries, Self.summaries, rows.summaries)
    add(.habits, Self.habits, rows.habits)
    add(.operations, Self.operations, rows.operations)
    add(.rejected, Self.rejected, rows.rejected)
    add(.notices, Self.notices, rows.notices)
  }

  /// - Returns: The users whose changes took effect.
  func run(by transaction: Transaction) async throws(StoreError) -> Set<Identifier> {
    let bound = bound
    do throws(DatabaseError) {
      return try Self.users(in: try await transaction.run(bound.statement, parameters: bound.parameters))
    } catch {
      throw StoreError(error)
    }
  }

  /// - Parameter condition: Asked when the statement is sent; `.concurrentChange` otherwise.
  /// - Returns: The users whose changes took effect.
  func run(
    by database: Database, while condition: @escaping () -> Bool
  ) async throws(StoreError) -> Set<Identifier> {
    do throws(DatabaseError) {
      return try Self.users(in: try await database.run(bound, while: condition))
    } catch {
      throw StoreError(error)
    }
  }

  private static func users(in result: consuming QueryResult) throws(DatabaseError) -> Set<Identifier> {
    let stored = try result.map { row throws(DatabaseError) in try row.identifierOrNull(0) }
    return Set(stored.compactMap { $0 })
  }

  /// Finds a row for each user whose changes took effect.
  var bound: BoundStatement { BoundStatement(statement: statement, parameters: parameters) }

  // MARK: The statement

  /// Statements by their shape: two bits for each target (0: nothing, 1: one row, 2: several).
  private static let statements = Mutex<[UInt32: Statement]>([:])

  private var statement: Statement {
    let key = parts.reduce(UInt32(0)) { $0 | UInt32($1.isSingle ? 1 : 2) << UInt32(2 * $1.target.rawValue) }
    return Self.statements.withLock { statements in
      if let statement = statements[key] { return statement }
      var next = 1
      var expressions: [String] = []
      // One person alone needs no search, and a later piece of a large change no question.
      let heads = parts.first { $0.target == .heads }
      let isChanged =
        heads.map {
          $0.isSingle ? "EXISTS (SELECT FROM changed)" : "(w.user_id IN (SELECT user_id FROM changed)) IS TRUE"
        } ?? "true"
      for (target, part, isSingle) in parts {
        let text = part.text(firstParameter: next, isSingle: isSingle).split(
          separator: Self.changed, omittingEmptySubsequences: false
        )
        .joined(separator: isChanged)
        next += part.columnCount
        expressions.append("\(target == .heads ? "changed" : "\(target)_part") AS (\(text))")
      }
      let found = heads == nil ? "SELECT NULL::uuid WHERE false" : "SELECT user_id FROM changed"
      let statement = Statement(.write, "WITH \(expressions.joined(separator: ", ")) \(found)")
      statements[key] = statement
      return statement
    }
  }

  private mutating func add<Row>(_ target: Target, _ part: ColumnarPart<Row>, _ rows: [Row]) {
    guard !rows.isEmpty else { return }
    parts.append((target, part, rows.count == 1))
    part.append(rows, to: &parameters)
  }
}

/// The rows of all users, by part.
private struct Rows {
  var heads: [ApplyStatement.HeadRow] = []
  var passing: [ApplyStatement.CellRow] = []
  var newCells: [ApplyStatement.CellRow] = []
  var replacedCells: [ApplyStatement.CellRow] = []
  var summaries: [ApplyStatement.HabitRow] = []
  var habits: [ApplyStatement.HabitRow] = []
  var operations: [ApplyStatement.OperationRow] = []
  var rejected: [RejectedOperationRow] = []
  var notices: [ApplyStatement.NoticeRow] = []

  var isEmpty: Bool {
    heads.isEmpty && passing.isEmpty && newCells.isEmpty && replacedCells.isEmpty && summaries.isEmpty && habits.isEmpty
      && operations.isEmpty && rejected.isEmpty && notices.isEmpty
  }

  /// Takes out everything but cells, and at most so many cells of each kind.
  mutating func takePiece(cellsMax: Int) -> Rows {
    func take(_ rows: inout [ApplyStatement.CellRow]) -> [ApplyStatement.CellRow] {
      let taken = rows.suffix(cellsMax)
      rows.removeLast(taken.count)
      return Array(taken)
    }
    var piece = self
    // Nothing else holds them: they are not copied when they shrink.
    (piece.passing, piece.newCells, piece.replacedCells) = ([], [], [])
    piece.passing = take(&passing)
    piece.newCells = take(&newCells)
    piece.replacedCells = take(&replacedCells)
    let (rest, restNew, restReplaced) = (passing, newCells, replacedCells)
    self = Rows()
    (passing, newCells, replacedCells) = (rest, restNew, restReplaced)
    return piece
  }

  mutating func append(_ person: PendingUser, now: Instant) {
    guard let ledger = person.ledger else { return }
    append(person.userID, ledger, changeNumberBefore: person.changeNumberBefore)
    for decided in person.decided {
      operations.append(ApplyStatement.OperationRow(userID: person.userID, decided: decided, decidedAt: now))
      if let reason = decided.outcome.rejection {
        rejected.append(RejectedOperationRow(person.userID, decided, reason, at: now))
      }
    }
  }

  /// - Parameter changeNumberBefore: The number that the person's row must have.
  mutating func append(_ userID: Identifier, _ ledger: PersonLedger, changeNumberBefore: Int64) {
    heads.append(ApplyStatement.HeadRow(userID: userID, oldNumber: changeNumberBefore, ledger: ledger))
    for state in ledger.changes.passingStates where state.kept != .nothing {
      passing.append(
        ApplyStatement.CellRow(
          userID: userID, key: state.key, state: state.state, linkedVersion: state.nextVersion, kept: state.kept))
    }
    let afterDropped = ledger.changes.daysAfterDroppedStates
    ledger.changes.cells.forEachInOrder { key, change in
      guard let state = ledger.cells[key] else { return }
      let followsDropped = afterDropped.contains(key)
      // A new cell is found by the version that made it.
      let isMoved = followsDropped && !change.isReplacement
      let row = ApplyStatement.CellRow(
        userID: userID, key: key, state: state, linkedVersion: isMoved ? state.version : change.firstVersion,
        kept: change.kept, followsDropped: followsDropped)
      guard change.isReplacement else { return newCells.append(row) }
      replacedCells.append(row)
    }
    ledger.changes.habits.forEachInOrder { id in
      guard let habit = ledger.habits[id] else { return }
      let row = ApplyStatement.HabitRow(userID: userID, habitID: id, habit: habit)
      if ledger.changes.editedHabits.contains(id) { habits.append(row) } else { summaries.append(row) }
    }
    ledger.changes.notices.forEachInOrder { id in
      guard let notice = ledger.notices[id] else { return }
      notices.append(ApplyStatement.NoticeRow(userID: userID, noticeID: id, notice: notice))
    }
  }
}
