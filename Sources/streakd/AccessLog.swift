import Logging
import RPC

/// One line for each call that has ended: never a token, an id or what was sent. A call that ended
/// in INTERNAL or UNKNOWN is an error, with its message; of those at most `faultLinesPerSecondMax`
/// are written each second, and the next one says how many were not.
struct AccessLog: CallObserver {
  private let logger: Logger
  private let level: Logger.Level
  // Asked for each call: the logger's own level is behind an existential.
  private let wantsOrdinary: Bool
  private let wantsFaults: Bool
  private let faults = LineBudget(linesPerSecondMax: faultLinesPerSecondMax)

  static let faultLinesPerSecondMax = 20

  /// - Parameter level: Of ordinary calls.
  init(logger: Logger, level: Logger.Level) {
    self.logger = logger
    self.level = level
    wantsOrdinary = logger.logLevel <= level
    wantsFaults = logger.logLevel <= .error
  }

  private static func isFault(_ code: RPCStatusCode?) -> Bool { code == .internal || code == .unknown }

  func wants(_ code: RPCStatusCode?) -> Bool { Self.isFault(code) ? wantsFaults : wantsOrdinary }

  func callEnded(_ call: EndedCall) {
    var suppressed: UInt64 = 0
    if case .failed(let status) = call.outcome, Self.isFault(status.code) {
      guard let count = faults.take() else { return }
      suppressed = count
    }
    // In a method that the server does not have, only the stranger's choice of words would be new.
    var metadata: Logger.Metadata = [
      "method": "\(call.method.map { "\($0.service)/\($0.name)" } ?? "unknown")",
      "duration_ms": "\(Self.milliseconds(call.durationNanoseconds))",
      "received_bytes": "\(call.receivedBytes)", "sent_bytes": "\(call.sentBytes)",
      "peer": "\(call.peerAddress.map { "\($0)" } ?? "unix")",
    ]
    var level = level
    switch call.outcome {
    case .ok: metadata["status"] = "OK"
    case .notGRPC(let httpStatus): metadata["status"] = "HTTP \(httpStatus)"
    case .failed(let status):
      metadata["status"] = "\(status.code.name)"
      if Self.isFault(status.code) {
        level = .error
        metadata["reason"] = "\(status.message)"
        if suppressed > 0 { metadata["not_logged"] = "\(suppressed)" }
      }
    }
    logger.log(level: level, "call", metadata: metadata)
  }

  /// With three digits behind the point.
  private static func milliseconds(_ nanoseconds: UInt64) -> String {
    let fraction = "\(nanoseconds / 1_000 % 1_000)"
    return "\(nanoseconds / 1_000_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }
}
