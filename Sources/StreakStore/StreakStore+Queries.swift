internal import Postgres

/// Runs statements: the pool, or a transaction.
protocol StatementRunner {
  func run(_ statement: Statement, parameters: [PostgresValue]) async throws(DatabaseError) -> QueryResult
}

extension Database: StatementRunner {}
extension Transaction: StatementRunner {}

extension Transaction {
  /// Runs several statements in one round trip, together with COMMIT if they are the last ones.
  ///
  /// - Returns: How many rows each changed (or found).
  @discardableResult
  func execute(_ batch: Batch, commits: Bool = false) async throws(StoreError) -> [Int] {
    do throws(DatabaseError) {
      let results = try await commits ? runAndCommit(batch) : run(batch)
      return (0..<results.count).map { index in results.with(index) { $0.affectedRowCount } }
    } catch {
      throw StoreError(error)
    }
  }
}

extension StatementRunner {
  /// Runs a statement.
  ///
  /// - Returns: How many rows it changed (or found).
  @discardableResult
  func execute(_ statement: Statement, _ parameters: PostgresValue...) async throws(StoreError) -> Int {
    try await execute(BoundStatement(statement: statement, parameters: parameters))
  }

  /// Runs a statement that has its parameters.
  @discardableResult
  func execute(_ step: BoundStatement) async throws(StoreError) -> Int {
    do throws(DatabaseError) {
      return try await run(step.statement, parameters: step.parameters).affectedRowCount
    } catch {
      throw StoreError(error)
    }
  }

  /// Runs a statement and reads its rows.
  func rows<Value>(
    _ statement: Statement, _ parameters: PostgresValue...,
    decode: (borrowing Row) throws(DatabaseError) -> Value
  ) async throws(StoreError) -> [Value] {
    do throws(DatabaseError) {
      return try await run(statement, parameters: parameters).map(decode)
    } catch {
      throw StoreError(error)
    }
  }

  /// Runs a statement and reads its only row; nil if there is none.
  func row<Value>(
    _ statement: Statement, _ parameters: PostgresValue...,
    decode: (borrowing Row) throws(DatabaseError) -> Value
  ) async throws(StoreError) -> Value? {
    try await row(BoundStatement(statement: statement, parameters: parameters), decode: decode)
  }

  /// Runs a statement that has its parameters and reads its only row; nil if there is none.
  func row<Value>(
    _ step: BoundStatement, decode: (borrowing Row) throws(DatabaseError) -> Value
  ) async throws(StoreError) -> Value? {
    do throws(DatabaseError) {
      return try await run(step.statement, parameters: step.parameters).first(decode)
    } catch {
      throw StoreError(error)
    }
  }
}
