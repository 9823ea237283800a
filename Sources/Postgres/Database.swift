public import EventLoop

/// The database as handlers see it: any number of calls on any of its loops share a few connections
/// per loop.
///
/// Every method must be called on one of the loops that `init` was given; it uses that loop's
/// connections.
///
/// ```swift
/// static let size = Statement(.read, "select width, height from pictures where album_id = $1 and picture_id = $2")
/// let result = try await database.run(size, .uuid(album), .uuid(picture))
/// let found = try result.first { row throws(DatabaseError) in (try row.int32(0), try row.int32(1)) }
/// ```
public final class Database: Sendable {
  private let pools: [(loop: EventLoop, pool: LoopBound<PostgresPool>)]

  /// Starts connecting on each loop, in the background: statements wait for a connection, for a
  /// limited time.
  /// - Parameters:
  ///   - onEvent: Called for connections made and lost, on the loop's thread.
  ///   - makeRandomness: Spreads reconnect attempts; one generator per loop.
  public init(
    configuration: PostgresConfiguration, loops: [EventLoop],
    makeRandomness: @escaping @Sendable () -> any RandomNumberGenerator = { SystemRandomNumberGenerator() },
    onEvent: @escaping @Sendable (PostgresEvent) -> Void = { _ in }
  ) {
    pools = loops.map { loop in
      let pool = PostgresPool(
        loop: loop, configuration: configuration, randomness: makeRandomness(), onEvent: onEvent)
      let bound = LoopBound(pool, loop: loop)
      loop.execute { bound.value.start() }
      return (loop, bound)
    }
  }

  /// Runs one statement in a transaction of its own. When it returns, the statement has committed.
  public func run(
    _ statement: Statement, _ parameters: PostgresValue...
  ) async throws(DatabaseError) -> QueryResult {
    try await run(statement, parameters: parameters)
  }

  /// Runs one statement in a transaction of its own, with its parameters as an array.
  public func run(
    _ statement: Statement, parameters: [PostgresValue]
  ) async throws(DatabaseError) -> QueryResult {
    try await pool.run(BoundStatement(statement: statement, parameters: parameters))
  }

  /// Runs one statement in a transaction of its own, if the condition holds when a connection is
  /// free for it. Calls that wait for a connection may get one to another database than the one
  /// they were decided on: a standby was promoted meanwhile.
  /// - Parameter condition: Called once, on this loop.
  /// - Throws: `.superseded` if it does not hold; nothing is sent then.
  public func run(
    _ step: BoundStatement, while condition: @escaping () -> Bool
  ) async throws(DatabaseError) -> QueryResult {
    try await pool.run(step, while: condition)
  }

  /// Runs the batch's statements as one transaction in one round trip: all or nothing.
  public func run(_ batch: Batch) async throws(DatabaseError) -> BatchResult {
    try await pool.run(batch)
  }

  /// Runs `body` in a transaction with a connection of its own.
  ///
  /// The transaction commits when `body` returns and rolls back when `body` throws or the task is
  /// cancelled. BEGIN is sent together with the first statement. `body` must not keep the
  /// transaction.
  /// - Throws: What `body` throws; database errors as `Failure(database:)`.
  public func transaction<Value, Failure: DatabaseFailure>(
    _ mode: Transaction.Mode = .readCommitted,
    _ body: (Transaction) async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    try await pool.transaction(mode, body)
  }

  /// Waits for running work on every loop, for a limited time, then closes all connections. Any
  /// thread.
  ///
  /// New calls fail with `.unreachable`.
  public func close() async {
    for (loop, pool) in pools {
      await Task(executorPreference: loop) { await pool.value.close() }.value
    }
  }

  /// The metrics of all loops' pools, summed. Each pool is read on its own loop. Any thread.
  public func metrics() async -> PostgresMetrics {
    var sum = PostgresMetrics()
    for (loop, pool) in pools { sum.add(await Task(executorPreference: loop) { pool.value.metrics }.value) }
    return sum
  }

  private var pool: PostgresPool {
    for (loop, pool) in pools where loop.isCurrent { return pool.value }
    preconditionFailure("the database was used off its loops")
  }
}
