internal import Postgres

extension StoreError {
  init(_ error: DatabaseError) {
    self =
      switch error {
      case .unreachable(let reason): .unavailable(reason: reason)
      case .statementTimeout: .unavailable(reason: "a statement was cancelled, or ran for longer than it may")
      case .outcomeUnknown(let reason): .outcomeUnknown(reason: reason)
      case .cancelled: .cancelled
      case .superseded: .concurrentChange
      case .limitExceeded(.queuedStatementsMax), .limitExceeded(.queuedTransactionsMax): .overloaded
      case .rejected(.serializationFailure, _, _), .rejected(.deadlockDetected, _, _),
        .rejected(.uniqueViolation, _, _):
        .concurrentChange
      case .rejected(let state, _, _) where state.isElsewhereOrLater: .unavailable(reason: "\(error)")
      case .rejected(let state, _, _) where state.isAboutData: .dataRefused(reason: "\(error)")
      case .limitExceeded(.statementBytesMax), .unencodable: .dataRefused(reason: "\(error)")
      case .rejected: .fault(reason: "\(error)", isLogged: true)
      case .undecodable: .fault(reason: "\(error)")
      }
  }
}
