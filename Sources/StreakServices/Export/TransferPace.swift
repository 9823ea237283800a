internal import EventLoop
internal import RPC
internal import enum StreakDomain.Reason

/// Enforces the least rate at which a client takes or sends a document: a client that holds a slot
/// without using it is ended.
///
/// Only the time that the server waits for the client counts. Loop-confined.
final class TransferPace {
  private let context: ServerContext
  private let limits: ExportLimits
  private let meter: LimitMeter
  private var waitedMilliseconds: UInt64 = 0

  init(_ context: ServerContext, limits: ExportLimits, meter: LimitMeter) {
    self.context = context
    self.limits = limits
    self.meter = meter
  }

  /// The longest that the server may wait in a transfer of `byteCount` bytes, in milliseconds.
  static func waitMillisecondsMax(byteCount: Int, limits: ExportLimits) -> UInt64 {
    UInt64(limits.graceSeconds * 1_000 + byteCount * 1_000 / max(1, limits.bytesPerSecondMin))
  }

  /// Waits for the client in `body`.
  /// - Parameter byteCount: The number of bytes that the client has taken or sent before.
  /// - Throws: `EXPORT_TOO_SLOW` if the client is too slow, and the errors of `body`.
  func waiting<Value>(
    byteCount: Int, _ body: () async throws(RPCStatus) -> Value
  ) async throws(RPCStatus) -> Value {
    let most = Self.waitMillisecondsMax(byteCount: byteCount, limits: limits)
    let begin = context.loop.nowMilliseconds
    let timer = context.loop.schedule(
      afterMilliseconds: most > waitedMilliseconds ? most - waitedMilliseconds : 0
    ) { [context, meter] in
      meter.count(.transferRate)
      context.end(Reason.exportTooSlow.status)
    }
    defer {
      timer.cancel()
      waitedMilliseconds += context.loop.nowMilliseconds &- begin
    }
    return try await body()
  }
}
