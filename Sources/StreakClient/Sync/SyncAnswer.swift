public import StreakDomain

/// What the server made of a submission.
public enum SyncAnswer: Equatable, Sendable {
  case changes(SyncChanges)
  /// It waits for this operation, and none of those sent is it.
  case gap(expectedSeq: Int64)
  /// A number was used for another operation.
  case reused
  /// It does not know this device.
  case deviceUnknown
  /// Nothing that says anything of the submission: the server is away, or the credentials are another account's.
  case nothing
}

/// What a device does after an answer.
public enum SyncNext: Equatable, Sendable {
  /// Everything is sent and received.
  case rest
  /// There is more to send or to fetch.
  case goOn
  /// The states differed although all was received: all of it is pulled again.
  case repair
  /// The answer was to something older, or said nothing.
  case ignore
  /// It registers as a new device, and calls `continueAsNewDevice`.
  case register(serverHasLost: Bool)
}

extension DeviceReplica {
  /// Takes an answer, however late it comes and however often.
  ///
  /// - Parameters:
  ///   - submission: What it answers.
  ///   - deviceID: As whom it was sent.
  ///   - milliseconds: The device's wall clock, since 1970.
  public mutating func take(
    _ answer: SyncAnswer, to submission: SyncSubmission, sentAs deviceID: Identifier, milliseconds: Int64
  ) -> SyncNext {
    // What was sent under an id that the device has given up concerns it no more.
    guard deviceID == self.deviceID else { return .ignore }
    switch answer {
    case .changes(let changes):
      switch receive(changes, to: submission, milliseconds: milliseconds) {
      case .good: return isBehind ? .goOn : .rest
      case .diverged: return .repair
      case .outdated: return .ignore
      }
    case .gap(let expectedSeq):
      // An answer to something that is not first in the queue any more says nothing.
      guard submission == self.submission else { return .ignore }
      return expected(expectedSeq) == .registerAnew ? .register(serverHasLost: true) : .goOn
    case .reused: return submission == self.submission ? .register(serverHasLost: false) : .ignore
    case .deviceUnknown: return .register(serverHasLost: true)
    case .nothing: return .ignore
    }
  }
}
