/// The state and the counters of pools, over all loops.
public struct PostgresMetrics: Sendable, Equatable {
  /// Connections when all are open.
  public internal(set) var connectionsMax = 0
  /// Connections that are ready for statements.
  public internal(set) var connectionsOpen = 0
  /// Open connections that owe answers or belong to a transaction.
  public internal(set) var connectionsBusy = 0
  /// Single statements and batches that wait for a connection.
  public internal(set) var statementsWaiting = 0
  /// Transactions that wait for a connection.
  public internal(set) var transactionsWaiting = 0
  /// Statements given to libpq: each statement of a batch, BEGIN and COMMIT count; preparations and
  /// scripts do not.
  public internal(set) var statementsSent = 0
  public internal(set) var connectsSucceeded = 0
  public internal(set) var connectsFailed = 0
  /// Connections that broke after they had been ready, including those that the pool closed.
  public internal(set) var connectionsLost = 0
  /// Failed statements, batches and waits for a connection. Each statement of a transaction counts.
  public internal(set) var failures: [Failure: Int] = [:]

  /// The cases of `DatabaseError`.
  public enum Failure: String, Sendable, CaseIterable {
    case unreachable
    case outcomeUnknown = "outcome_unknown"
    case rejected
    case limitExceeded = "limit_exceeded"
    case statementTimeout = "statement_timeout"
    case cancelled
    case superseded
    case undecodable
    case unencodable

    init(_ error: DatabaseError) {
      self =
        switch error {
        case .unreachable: .unreachable
        case .outcomeUnknown: .outcomeUnknown
        case .rejected: .rejected
        case .limitExceeded: .limitExceeded
        case .statementTimeout: .statementTimeout
        case .cancelled: .cancelled
        case .superseded: .superseded
        case .undecodable: .undecodable
        case .unencodable: .unencodable
        }
    }
  }

  mutating func failed(_ error: DatabaseError) { failures[Failure(error), default: 0] += 1 }

  mutating func add(_ other: PostgresMetrics) {
    connectionsMax += other.connectionsMax
    connectionsOpen += other.connectionsOpen
    connectionsBusy += other.connectionsBusy
    statementsWaiting += other.statementsWaiting
    transactionsWaiting += other.transactionsWaiting
    statementsSent += other.statementsSent
    connectsSucceeded += other.connectsSucceeded
    connectsFailed += other.connectsFailed
    connectionsLost += other.connectionsLost
    failures.merge(other.failures, uniquingKeysWith: +)
  }
}
