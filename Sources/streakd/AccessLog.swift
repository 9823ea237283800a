import Logging
import RPC
import struct StreakDomain.Instant
import StreakStore

/// One line for each call that has ended, without tokens, ids or messages of clients. A call that
/// ended in INTERNAL or UNKNOWN is logged as an error, with its message. At most
/// `faultLinesPerSecondMax` of these are written each second; the next one has the number of those
/// left out.
struct AccessLog: CallObserver {
  private let logger: Logger
  private let level: Logger.Level
  // Stored, because the logger's own level is behind an existential, which is slow to read for each
  // call.
  private let wantsOrdinary: Bool
  private let wantsFaults: Bool
  private let faults = LogRateLimiter(linesPerSecondMax: faultLinesPerSecondMax)

  static let faultLinesPerSecondMax = 20

  /// - Parameter level: The level of lines for ordinary calls.
  init(logger: Logger, level: Logger.Level) {
    self.logger = logger
    self.level = level
    wantsOrdinary = logger.logLevel <= level
    wantsFaults = logger.logLevel <= .error
  }

  private static func isFault(_ code: RPCStatusCode?) -> Bool { code == .internal || code == .unknown }

  func wants(_ code: RPCStatusCode?) -> Bool { Self.isFault(code) ? wantsFaults : wantsOrdinary }

  func callEnded(_ call: EndedCall) {
    var suppressed = 0
    if case .failed(let status) = call.outcome, Self.isFault(status.code) {
      guard let count = faults.admit("call", second: Instant.now().seconds) else { return }
      suppressed = count
    }
    // For an unknown method the name is left out: the client may have put any text there.
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

  /// With three decimals.
  private static func milliseconds(_ nanoseconds: UInt64) -> String {
    let fraction = "\(nanoseconds / 1_000 % 1_000)"
    return "\(nanoseconds / 1_000_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)"
  }
}
