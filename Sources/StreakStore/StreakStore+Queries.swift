internal import Postgres

/// What runs statements: the pool, or a transaction.
protocol StatementRunner {
  func run(_ statement: Statement, parameters: [PostgresValue]) async throws(DatabaseError) -> QueryResult
}

extension Database: StatementRunner {}
extension Transaction: StatementRunner {}

extension StatementRunner {
  /// Runs a statement.
  ///
  /// - Returns: How many rows it changed (or found).
  @discardableResult
  func execute(_ statement: Statement, _ parameters: PostgresValue...) async throws(StoreError) -> Int {
    do throws(DatabaseError) {
      return try await run(statement, parameters: parameters).affectedRowCount
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
    do throws(DatabaseError) {
      return try await run(statement, parameters: parameters).first(decode)
    } catch {
      throw StoreError(error)
    }
  }
}
