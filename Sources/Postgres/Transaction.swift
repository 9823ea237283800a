import EventLoop

/// An open transaction on a connection of its own. Valid inside the closure that receives it;
/// loop-confined.
///
/// One statement at a time. After an error every further statement is refused, as the server does
/// it.
public final class Transaction {
  /// How a transaction begins.
  public struct Mode: Sendable {
    let begin: Statement

    public static let readCommitted = Mode(begin: Statement(.write, "begin isolation level read committed"))
    public static let serializable = Mode(begin: Statement(.write, "begin isolation level serializable"))
    /// Reads one consistent state throughout.
    public static let snapshot = Mode(begin: Statement(.write, "begin isolation level repeatable read read only"))
  }

  /// notBegun -> open -> failed or ended; notBegun -> ended.
  private enum State {
    /// BEGIN is sent together with the first statement.
    case notBegun
    case open
    /// A statement failed: only rollback is possible.
    case failed
    /// Committed or rolled back, or the connection is closed.
    case ended
  }

  private static let commitStatement = Statement(.write, "commit")
  private static let rollbackStatement = Statement(.write, "rollback")

  private let pool: PostgresPool
  private let connection: PostgresConnection
  private let mode: Mode
  private var state = State.notBegun
  private var afterCommit: [() -> Void] = []

  init(pool: PostgresPool, connection: PostgresConnection, mode: Mode) {
    self.pool = pool
    self.connection = connection
    self.mode = mode
  }

  /// Runs one statement.
  public func run(
    _ statement: Statement, _ parameters: PostgresValue...
  ) async throws(DatabaseError) -> QueryResult {
    try await run(statement, parameters: parameters)
  }

  /// Runs one statement, with its parameters as an array.
  public func run(_ statement: Statement, parameters: [PostgresValue]) async throws(DatabaseError) -> QueryResult {
    let work = try await perform([BoundStatement(statement: statement, parameters: parameters)], commits: false)
    return try work.takeLastResult()
  }

  /// Runs several statements in one round trip.
  public func run(_ batch: Batch) async throws(DatabaseError) -> BatchResult {
    guard !batch.steps.isEmpty else { return BatchResult(results: []) }
    let work = try await perform(batch.steps, commits: false)
    return BatchResult(results: Array(work.results.suffix(batch.count)))
  }

  /// Runs the last statements and COMMIT in one round trip. No statement can follow.
  public func runAndCommit(_ batch: Batch) async throws(DatabaseError) -> BatchResult {
    let work = try await perform(batch.steps, commits: true)
    return BatchResult(results: Array(work.results.dropLast().suffix(batch.count)))
  }

  /// Runs SQL text of any number of statements without parameters, such as a schema version's file.
  ///
  /// The text must not begin or end transactions, and must not use COPY from or to the client.
  public func runScript(_ text: String) async throws(DatabaseError) {
    if state == .notBegun { _ = try await perform([], commits: false) }
    try check()
    let work = pool.makeWork(.transactionStep, [])
    try await wait(work, isCancellable: true) { connection.runScript(text, work) }
  }

  /// Opens a cursor; read it with `nextChunk(_:)`.
  public func open(_ cursor: CursorStatement, _ parameters: PostgresValue...) async throws(DatabaseError) {
    _ = try await run(cursor.declare, parameters: parameters)
  }

  /// The next rows, at most `rowsPerChunk`; none after the last.
  public func nextChunk(_ cursor: CursorStatement) async throws(DatabaseError) -> QueryResult {
    try await run(cursor.fetch)
  }

  /// Closes a cursor before the end of the transaction.
  public func close(_ cursor: CursorStatement) async throws(DatabaseError) {
    _ = try await run(cursor.close)
  }

  // MARK: The end

  /// Calls `body` once the transaction is known to have committed; never if it is rolled back or
  /// its outcome is unknown.
  public func onCommit(_ body: @escaping () -> Void) { afterCommit.append(body) }

  /// Calls what waits for the commit.
  func finishCommitted() {
    let bodies = afterCommit
    afterCommit = []
    for body in bodies { body() }
  }

  /// Commits unless `runAndCommit(_:)` did.
  func commit() async throws(DatabaseError) {
    switch state {
    case .notBegun, .ended: return
    case .open: _ = try await perform([], commits: true)
    case .failed: throw Self.failedTransaction
    }
  }

  /// Rolls back, also when the task is cancelled.
  func rollback() async {
    switch state {
    case .notBegun, .ended: return
    case .open, .failed: break
    }
    state = .ended
    // The cancel request of a cancelled statement may still be on its way: the pool discards the
    // connection.
    guard connection.isReady, !connection.isCancelSent else { return }
    let step = BoundStatement(statement: Self.rollbackStatement, parameters: [])
    let work = pool.makeWork(.transactionStep, [step])
    await work.wait { connection.submit(work) }
  }

  private static let failedTransaction = DatabaseError.rejected(
    .inFailedTransaction, constraint: nil, serverMessage: "a statement of the transaction had failed")

  private func check() throws(DatabaseError) {
    switch state {
    case .notBegun, .open: break
    case .failed: throw Self.failedTransaction
    case .ended: preconditionFailure("a statement after the transaction's end")
    }
    guard connection.isReady else {
      state = .ended
      throw .unreachable(reason: "the transaction's connection broke")
    }
    guard !Task.isCancelled else {
      if state == .open { state = .failed }
      throw .cancelled
    }
    precondition(connection.isIdle || state == .notBegun, "two statements of one transaction at the same time")
  }

  private func perform(_ steps: [BoundStatement], commits: Bool) async throws(DatabaseError) -> DatabaseWork {
    try check()
    var all = steps
    if state == .notBegun { all.insert(BoundStatement(statement: mode.begin, parameters: []), at: 0) }
    if commits { all.append(BoundStatement(statement: Self.commitStatement, parameters: [])) }
    let work = pool.makeWork(commits ? .commit : .transactionStep, all)
    state = .open
    try await wait(work, isCancellable: !commits) { connection.submit(work) }
    guard commits else { return work }
    state = .ended
    // The server answers a COMMIT of a failed transaction with ROLLBACK.
    guard work.results.last?.with({ $0.commandTag }) == "COMMIT" else { throw Self.failedTransaction }
    return work
  }

  private func wait(
    _ work: DatabaseWork, isCancellable: Bool, _ start: () -> Void
  ) async throws(DatabaseError) {
    if isCancellable {
      let loop = pool.loop
      let bound = LoopBound((connection: connection, work: work), loop: loop)
      await withTaskCancellationHandler {
        await work.wait(start)
      } onCancel: {
        loop.execute {
          let (connection, work) = bound.value
          guard !work.isFinished else { return }
          work.isCancelRequested = true
          connection.sendCancel()
        }
      }
    } else {
      await work.wait(start)
    }
    guard let failure = work.failure else { return }
    state = connection.isReady ? .failed : .ended
    pool.report(failure, of: work)
    throw failure
  }
}

extension PostgresPool {
  /// See `Database.transaction(_:_:)`.
  func transaction<Value, Failure: DatabaseFailure>(
    _ mode: Transaction.Mode, _ body: (Transaction) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let connection: PostgresConnection
    do { connection = try await reserve() } catch { throw Failure(database: error) }
    defer { release(connection) }
    let transaction = Transaction(pool: self, connection: connection, mode: mode)
    let value: Value
    do throws(Failure) {
      value = try await body(transaction)
    } catch {
      await transaction.rollback()
      throw error
    }
    do throws(DatabaseError) {
      try await transaction.commit()
    } catch {
      await transaction.rollback()
      throw Failure(database: error)
    }
    transaction.finishCommitted()
    return value
  }
}

extension DatabaseWork {
  /// A single statement's answer.
  func takeOnlyResult() throws(DatabaseError) -> QueryResult { try takeLastResult() }

  /// The answer of the last statement; the caller owns it.
  func takeLastResult() throws(DatabaseError) -> QueryResult {
    guard let box = results.last else { preconditionFailure("a completed work without a result") }
    return box.take()
  }
}
