public import Logging
internal import struct StreakDomain.Instant

/// Logs repeated errors: each kind once per second. Any thread.
public final class FaultLog: Sendable {
  private let logger: Logger
  private let limiter = LogRateLimiter()

  public init(logger: Logger) { self.logger = logger }

  public func note(
    _ kind: String, level: Logger.Level, _ message: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata
  ) {
    guard logger.logLevel <= level else { return }
    let second = Instant.now().seconds
    guard let omittedCount = limiter.admit(kind, second: second) else { return }
    var metadata = metadata()
    if omittedCount > 0 { metadata["omitted"] = "\(omittedCount)" }
    logger.log(level: level, message, metadata: metadata)
  }
}
