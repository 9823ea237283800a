/// Why a statement, batch or transaction did not complete.
///
/// The texts are for our log only: they name hosts, rows and constraints. Nothing of them may reach
/// a client.
public enum DatabaseError: Error, Equatable {
  /// Nothing took effect, because nothing was sent or the transaction broke before its COMMIT was
  /// sent: safe to retry.
  case unreachable(reason: String)
  /// The link broke after sending: it may have committed.
  case outcomeUnknown(reason: String)
  /// The server refused; nothing of the statement (batch, transaction) took effect.
  case rejected(SQLState, constraint: String?, serverMessage: String)
  /// The call exceeds one of our limits; nothing was sent.
  case limitExceeded(PostgresLimit)
  /// The statement ran longer than `PostgresConfiguration.statementTimeoutMilliseconds` (or an
  /// operator cancelled it) and was rolled back.
  case statementTimeout
  /// The calling task was cancelled. A queued statement was never sent and a transaction is rolled
  /// back; a statement outside a transaction that was already sent may take effect.
  case cancelled
  /// The caller's condition did not hold any more when a connection was free; nothing was sent.
  case superseded
  /// The answer does not have the form that the caller's code expects; the statement itself
  /// completed.
  case undecodable(RowError)
  /// A value cannot be represented in PostgreSQL; nothing was sent.
  case unencodable(parameter: Int)
}

/// A limit of `PostgresConfiguration` that a call can exceed.
public enum PostgresLimit: Sendable, Equatable {
  case queuedStatementsMax
  case queuedTransactionsMax
  case statementBytesMax
}

/// How an answer differs from the form that the caller's code expects. Columns count from 0.
public enum RowError: Error, Equatable {
  case unexpectedNull(column: Int)
  /// - Parameter found: The column's type, an object identifier of `pg_type`.
  case unexpectedType(column: Int, found: UInt32)
  /// The value's length or content does not fit its type.
  case malformedValue(column: Int)
  case missingColumn(column: Int)
  /// - Parameter found: The number of rows, where exactly (or at most) one was expected.
  case unexpectedRowCount(found: Int)
}

/// An error type that can represent a database error, so that a transaction's body may throw the
/// caller's own error type.
public protocol DatabaseFailure: Error {
  init(database error: DatabaseError)
}

extension DatabaseError: DatabaseFailure {
  public init(database error: DatabaseError) { self = error }
}

extension DatabaseError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreachable(let reason): "the database cannot be reached: \(reason)"
    case .outcomeUnknown(let reason): "whether it took effect is not known: \(reason)"
    case .rejected(let state, let constraint, let message):
      "the database refused it, SQLSTATE \(state): \(message)" + (constraint.map { " (\($0))" } ?? "")
    case .limitExceeded(let limit): "more than \(limit) would wait or be sent"
    case .statementTimeout: "the statement was cancelled, or ran for longer than it may"
    case .cancelled: "the caller was cancelled"
    case .superseded: "what it was decided on has changed while it waited for a connection"
    case .undecodable(let error): "the answer is not what the program expects: \(error)"
    case .unencodable(let parameter): "parameter \(parameter) cannot be represented in PostgreSQL"
    }
  }

  /// The kind of failure, for metrics and for rate limits of the log.
  public var kind: String {
    if case .rejected(let state, _, _) = self { return state.rawValue }
    return PostgresMetrics.Failure(self).rawValue
  }
}
