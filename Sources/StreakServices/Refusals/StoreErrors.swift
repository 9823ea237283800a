internal import RPC
internal import StreakStore

/// Runs store calls and turns what goes wrong into what the client is told: the one place that maps store errors to statuses.
func answering<Value>(_ body: () async throws(StoreError) -> Value) async throws(RPCStatus) -> Value {
  do {
    return try await body()
  } catch {
    throw error.refusal.status
  }
}

extension StoreError {
  /// What a client is told. The error's own text goes to our log only: it may name hosts and rows.
  var refusal: Refusal {
    switch self {
    case .unavailable: .storageUnavailable
    case .overloaded: .tooManyRequests
    case .outcomeUnknown, .cancelled: .outcomeUnknown
    case .concurrentChange: .concurrentChange
    // The token was good a moment ago: the account has gone since.
    case .noSuchUser: .credentialsInvalid
    case .fault: .internalFault
    }
  }
}
