internal import Postgres

/// How a transaction's body ends it.
enum TransactionEnd<Value> {
  case commit(Value)
  case rollBack(Value)
}

extension StreakStore {
  /// Runs `body` in a transaction of the caller's loop.
  func transaction<Value: Sendable>(
    _ mode: Transaction.Mode = .readCommitted,
    _ body: (Transaction) async throws(StoreError) -> TransactionEnd<Value>
  ) async throws(StoreError) -> Value {
    try await database.transacting(mode, body)
  }
}

extension Database {
  /// Runs `body` in a transaction. It takes effect if `body` returns `.commit`; if it returns
  /// `.rollBack` or throws, nothing does.
  func transacting<Value: Sendable>(
    _ mode: Transaction.Mode = .readCommitted,
    _ body: (Transaction) async throws(StoreError) -> TransactionEnd<Value>
  ) async throws(StoreError) -> Value {
    do throws(Rollback<Value>) {
      return try await transaction(mode) { transaction throws(Rollback<Value>) in
        let end: TransactionEnd<Value>
        do throws(StoreError) {
          end = try await body(transaction)
        } catch {
          throw .failed(error)
        }
        switch end {
        case .commit(let value): return value
        case .rollBack(let value): throw .wanted(value)
        }
      }
    } catch {
      switch error {
      case .wanted(let value): return value
      case .failed(let error): throw error
      }
    }
  }
}

/// Why a transaction was rolled back.
private enum Rollback<Value: Sendable>: DatabaseFailure {
  /// The body decided so; the value is its answer.
  case wanted(Value)
  case failed(StoreError)

  init(database error: DatabaseError) { self = .failed(StoreError(error)) }
}
