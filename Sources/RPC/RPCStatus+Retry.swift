internal import GRPCSchema

extension RPCStatus {
  /// Seconds after which the runtime's own refusals ask for a retry: by then other calls have
  /// ended, or another process serves.
  private static let retrySeconds: Int64 = 1

  /// The server holds as much for its peers as it may.
  static let noRoom = retryable(
    .resourceExhausted, "The server has no room for the call's messages now.", .noRoom)

  /// The server stops, and the call takes longer than it waits.
  static let stopping = retryable(.unavailable, "The server stops.", .serverStops)

  private static func retryable(_ code: RPCStatusCode, _ message: String, _ reason: RuntimeReason) -> RPCStatus {
    reason.status(code, message).withRetry(afterSeconds: retrySeconds)
  }

  /// The status with the delay after which the same call may succeed.
  package func withRetry(afterSeconds seconds: Int64) -> RPCStatus {
    with(GoogleRPCRetryInfo(retryDelay: GoogleProtobufDuration(seconds: seconds)))
  }
}
