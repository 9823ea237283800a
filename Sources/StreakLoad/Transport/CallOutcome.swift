internal import GRPCSchema
internal import HTTP
internal import ProtobufCodec
internal import RPC

/// What became of one call.
enum CallOutcome: Sendable {
  /// The response's only message, or none where the method streams them.
  case reply([UInt8])
  case failed(CallFailure)
}

/// Why a call did not succeed, as it is counted.
struct CallFailure: Error, Sendable, Equatable {
  /// gRPC's name of the status, or one of ours.
  var status: String
  /// The service's own reason; empty if it gave none.
  var reason = ""
  var message = ""
  /// The server's word when to try again, if it gave one.
  var retryMilliseconds: UInt64?
  /// The change that the call asked for may have been made nevertheless.
  var mayHaveTakenEffect: Bool

  /// How it is called in a report.
  var label: String { reason.isEmpty ? status : "\(status) \(reason)" }

  /// There was no connection to send it on.
  static let notConnected = CallFailure(status: "NOT_CONNECTED", mayHaveTakenEffect: false)
  /// The connection broke under it.
  static func lost(wasSent: Bool) -> CallFailure {
    CallFailure(status: "CONNECTION_LOST", mayHaveTakenEffect: wasSent)
  }
  /// We gave it up.
  static let late = CallFailure(status: "NO_ANSWER_IN_TIME", mayHaveTakenEffect: true)
  /// It succeeded, and what it says is not what it should say.
  static func wrong(_ message: String) -> CallFailure {
    CallFailure(status: "WRONG_ANSWER", message: message, mayHaveTakenEffect: true)
  }
  /// The stream was reset, or ended without a status.
  static func reset(_ code: HTTP2ErrorCode) -> CallFailure {
    CallFailure(
      status: "STREAM_RESET", message: "HTTP/2 error \(code.rawValue)", mayHaveTakenEffect: code != .refusedStream)
  }
  /// The answer was no gRPC.
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
