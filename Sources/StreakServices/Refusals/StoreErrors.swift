internal import Logging
internal import RPC
internal import Schema
internal import enum StreakDomain.Reason
internal import StreakStore

/// Runs store calls and converts their errors into statuses: the one place that maps store errors
/// to statuses.
func mappingStoreErrors<Value>(_ body: () async throws(StoreError) -> Value) async throws(RPCStatus) -> Value {
  do {
    return try await body()
  } catch {
    error.log()
    throw error.refusal.status
  }
}

extension StoreError {
  /// The program's own log, as set up when the program started.
  private static let faults = FaultLog(logger: Logger(label: "streakd"))

  /// Logs a fault that the database's log does not have.
  func log() {
    guard case .fault(let reason, isLogged: false) = self else { return }
    Self.faults.note("fault \(reason)", level: .error, "a fault of the service", ["reason": "\(reason)"])
  }

  /// The refusal for the client. The error's own text goes to the server's log only: it may name
  /// hosts and rows.
  var refusal: Reason {
    switch self {
    case .unavailable: .storageUnavailable
    case .overloaded: .tooManyRequests
    case .outcomeUnknown, .cancelled: .outcomeUnknown
    case .concurrentChange: .concurrentChange
    // The token was valid a moment ago: the account was deleted since.
    case .noSuchUser: .credentialsInvalid
    case .dataRefused, .fault: .internalFault
    }
  }
}

extension QueueRefusal {
  var status: RPCStatus {
    switch self {
    case .gap(let expectedSeq): Reason.sequenceGap.status.with(SyncRefusal(expectedSeq: expectedSeq))
    case .operationReused: Reason.operationReused.status.with(SyncRefusal())
    case .deviceUnknown: Reason.credentialsInvalid.status
    // A Sync judges its request again.
    case .otherEpoch, .cursorAhead: Reason.concurrentChange.status
    case .tooManyChanges(let wait): Reason.tooManyRequests(retryMilliseconds: wait)
    }
  }
}
