internal import Logging
internal import RPC
internal import enum StreakDomain.Reason
internal import StreakStore

/// Runs store calls and turns what goes wrong into what the client is told: the one place that maps
/// store errors to statuses.
func mappingStoreErrors<Value>(_ body: () async throws(StoreError) -> Value) async throws(RPCStatus) -> Value {
  do {
    return try await body()
  } catch {
    error.log()
    throw error.refusal.status
  }
}

extension StoreError {
  /// The program's own log, as it was set up when it started.
  private static let faults = FaultLog(logger: Logger(label: "streakd"))

  /// Logs a fault that the database's log does not have.
  func log() {
    guard case .fault(let reason, isLogged: false) = self else { return }
    Self.faults.note("fault \(reason)", level: .error, "a fault of the service", ["reason": "\(reason)"])
  }

  /// What a client is told. The error's own text goes to our log only: it may name hosts and rows.
  var refusal: Reason {
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
