internal import Postgres

extension StoreError {
  init(_ error: DatabaseError) {
    self =
      switch error {
      case .unreachable(let reason): .unavailable(reason: reason)
      case .statementTimeout: .unavailable(reason: "statement timeout")
      case .outcomeUnknown(let reason): .outcomeUnknown(reason: reason)
      case .cancelled: .cancelled
      case .limitExceeded(.queuedStatementsMax), .limitExceeded(.queuedTransactionsMax): .overloaded
      case .rejected(.serializationFailure, _, _), .rejected(.deadlockDetected, _, _),
        .rejected(.uniqueViolation, _, _):
        .concurrentChange
      case .rejected(let state, let constraint, let message):
        .fault(reason: "\(state) \(constraint ?? "") \(message)")
      case .limitExceeded(.statementBytesMax), .undecodable, .unencodable: .fault(reason: "\(error)")
      }
  }
}
