internal import Logging
internal import Postgres

/// Logs events of a store's connections and statements. These texts never reach clients.
struct DatabaseLog: Sendable {
  private let logger: Logger
  private let faults: FaultLog

  init(logger: Logger) {
    self.logger = logger
    faults = FaultLog(logger: logger)
  }

  func note(_ event: PostgresEvent) {
    switch event {
    case .connected(let processID, let identity, let isReadOnly):
      var metadata: Logger.Metadata = ["process": "\(processID)"]
      if let identity { metadata["database"] = "\(identity)" }
      guard isReadOnly else { return logger.debug("connected to the database", metadata: metadata) }
      faults.note("read only", level: .warning, "connected to a database that cannot be written to", metadata)
    case .connectFailed(let reason, let retryMilliseconds):
      faults.note(
        "connect", level: .warning, "the database cannot be reached",
        ["reason": "\(reason)", "retry_ms": "\(retryMilliseconds)"])
    case .connectionLost(let reason):
      faults.note("lost", level: .warning, "a connection to the database was lost", ["reason": "\(reason)"])
    case .notice(let text):
      faults.note("notice \(text)", level: .info, "the database says", ["notice": "\(text)"])
    case .failed(let error, let statement): note(error, statement)
    }
  }

  private func note(_ error: DatabaseError, _ statement: String?) {
    guard let level = error.logLevel else { return }
    var metadata: Logger.Metadata = ["reason": "\(error)"]
    if case .rejected(let state, _, _) = error { metadata["sqlstate"] = "\(state)" }
    if let statement { metadata["statement"] = "\(statement)" }
    // Errors that come from the database's state are the same for all statements.
    let kind = level == .error ? "\(error.kind) \(statement ?? "")" : error.kind
    faults.note(kind, level: level, "a statement failed", metadata)
  }
}

extension DatabaseError {
  /// Nil: an event of normal operation.
  fileprivate var logLevel: Logger.Level? {
    switch self {
    case .cancelled, .superseded, .rejected(.serializationFailure, _, _),
      .rejected(.deadlockDetected, _, _),
      .rejected(.uniqueViolation, _, _):
      nil
    case .unreachable, .outcomeUnknown, .statementTimeout, .limitExceeded(.queuedStatementsMax),
      .limitExceeded(.queuedTransactionsMax):
      .warning
    case .rejected(let state, _, _) where state.isElsewhereOrLater: .warning
    case .rejected, .limitExceeded(.statementBytesMax), .undecodable, .unencodable: .error
    }
  }
}
