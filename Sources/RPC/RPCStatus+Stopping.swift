internal import GRPCSchema

extension RPCStatus {
  /// Seconds after which another process may serve the caller.
  static let stoppingRetrySeconds: Int64 = 1

  /// The server stops, and the call takes longer than it waits.
  static let stopping = RPCStatus(.unavailable, "The server stops.")
    .with(GoogleRPCErrorInfo(reason: "SERVER_STOPS", domain: FieldRefusal.domain))
    .with(GoogleRPCRetryInfo(retryDelay: GoogleProtobufDuration(seconds: stoppingRetrySeconds)))
}
