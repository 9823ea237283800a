internal import GRPCSchema

/// Why the runtime itself refuses a request: the reason of `ErrorInfo`, in the domain `rpc`.
///
/// Some refusals have the protocols' own code alone, as the conformance suite of Connect demands of
/// every server: UNIMPLEMENTED (no such method, coding or number of messages),
/// RESOURCE_EXHAUSTED (a message too large), INTERNAL (a wrong flag of a message) and
/// DEADLINE_EXCEEDED (the caller's deadline).
enum RuntimeReason: String, CaseIterable {
  /// A field breaks a rule of the schema; `BadRequest` names it.
  case invalidField = "INVALID_FIELD"
  /// The bytes are no message of the method, or no request of the protocol.
  case malformedRequest = "MALFORMED_REQUEST"
  /// The header list is larger than the server takes.
  case headersTooLarge = "HEADERS_TOO_LARGE"
  /// The request did not arrive in time.
  case requestLate = "REQUEST_LATE"
  /// The server holds as much for its peers as it may.
  case noRoom = "NO_ROOM"
  /// The server stops, and the call takes longer than it waits.
  case serverStops = "SERVER_STOPS"

  static let domain = "rpc"

  func status(_ code: RPCStatusCode, _ message: String) -> RPCStatus {
    RPCStatus(code, message).with(GoogleRPCErrorInfo(reason: rawValue, domain: Self.domain))
  }
}
