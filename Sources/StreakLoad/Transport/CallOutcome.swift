internal import GRPCSchema
internal import HTTP
internal import ProtobufCodec
internal import RPC

/// The outcome of one call.
enum CallOutcome: Sendable {
  /// The response's only message, or empty if the method streams messages.
  case reply([UInt8])
  case failed(CallFailure)
}

/// Why a call failed, in the form in which it is counted.
struct CallFailure: Error, Sendable, Equatable {
  /// gRPC's name of the status, or one of this client's own.
  var status: String
  /// The service's reason; empty if it gave none.
  var reason = ""
  var message = ""
  /// The server's delay before a new attempt, if it gave one.
  var retryMilliseconds: UInt64?
  /// The call may have had an effect nevertheless.
  var mayHaveTakenEffect: Bool

  /// The label in a report.
  var label: String { reason.isEmpty ? status : "\(status) \(reason)" }

  /// There was no connection to send it on.
  static let notConnected = CallFailure(status: "NOT_CONNECTED", mayHaveTakenEffect: false)
  /// The connection broke during the call.
  static func lost(wasSent: Bool) -> CallFailure {
    CallFailure(status: "CONNECTION_LOST", mayHaveTakenEffect: wasSent)
  }
  /// The client cancelled it after the time limit.
  static let late = CallFailure(status: "NO_ANSWER_IN_TIME", mayHaveTakenEffect: true)
  /// The call succeeded with a wrong answer.
  static func wrong(_ message: String) -> CallFailure {
    CallFailure(status: "WRONG_ANSWER", message: message, mayHaveTakenEffect: true)
  }
  /// The stream was reset, or ended without a status.
  static func reset(_ code: HTTP2ErrorCode) -> CallFailure {
    CallFailure(
      status: "STREAM_RESET", message: "HTTP/2 error \(code.rawValue)", mayHaveTakenEffect: code != .refusedStream)
  }
  /// The answer was not gRPC.
  static func http(_ status: String) -> CallFailure {
    CallFailure(status: "HTTP \(status)", mayHaveTakenEffect: status.first == "5")
  }

  /// The status that a server has sent.
  static func refused(_ number: Int, message: String, packedDetails: [UInt8]?) -> CallFailure {
    let code = RPCStatusCode(rawValue: number) ?? .unknown
    var status = RPCStatus(code, message)
    if let packed = packedDetails.flatMap({ try? GoogleRPCStatus(protobufBytes: $0) }) {
      status.details = packed.details
    }
    return refused(status)
  }

  /// The status that a server has sent.
  static func refused(_ status: RPCStatus) -> CallFailure {
    let isUncertain =
      switch status.code {
      case .unknown, .unavailable, .deadlineExceeded, .internal, .cancelled, .dataLoss: true
      default: false
      }
    let delay = status.detail(GoogleRPCRetryInfo.self)?.retryDelay
    return CallFailure(
      status: status.code.name, reason: status.detail(GoogleRPCErrorInfo.self)?.reason ?? "",
      message: status.message,
      retryMilliseconds: delay.map { UInt64(clamping: $0.seconds) &* 1_000 &+ UInt64(clamping: $0.nanos / 1_000_000) },
      mayHaveTakenEffect: isUncertain)
  }
}
