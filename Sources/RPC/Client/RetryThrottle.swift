/// Stops a channel from repeating calls to a server that fails most of them. Source: gRPC proposal
/// A6, "Throttling Retry Attempts".
struct RetryThrottle {
  /// A tenth of a token is the smallest step.
  private static let step = 10
  private let tenthsMax: Int
  private var tenths: Int

  /// - Parameter tokensMax: Failed attempts that empty it; half of them, and nothing is repeated.
  ///   0: no throttle.
  init(tokensMax: Int) {
    tenthsMax = tokensMax * Self.step
    tenths = tenthsMax
  }

  /// Calls may be repeated.
  var isOpen: Bool { tenthsMax == 0 || tenths > tenthsMax / 2 }

  /// A call succeeded: ten of them make up for one failed attempt.
  mutating func succeeded() { tenths = min(tenths + 1, tenthsMax) }

  /// An attempt failed in a way that would let it be repeated.
  mutating func failed() { tenths = max(tenths - Self.step, 0) }
}
