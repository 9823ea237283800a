public import StreakDomain

/// The server's answer to a submission.
public enum SyncAnswer: Equatable, Sendable {
  case changes(SyncChanges)
  /// The server expects this operation, and it was not sent.
  case gap(expectedSeq: Int64)
  /// A sequence number was used for another operation.
  case reused
  /// The server did not issue this cursor.
  case cursorInvalid
  /// An answer without information about the submission: the server is unavailable, or the
  /// credentials belong to another account.
  case nothing
}

/// The device's next step after an answer.
public enum SyncNext: Equatable, Sendable {
  /// Everything is sent and received.
  case done
  /// More operations are to be sent or changes to be fetched.
  case more
  /// The states differ although everything was received: all data is pulled again.
  case repair
  /// The answer was to an older submission, or without information.
  case ignore
  /// The device registers as a new one, and calls `continueAsNewDevice`.
  case register
}

extension DeviceReplica {
  /// Applies an answer, which may be late or repeated.
  ///
  /// - Parameters:
  ///   - submission: The answered submission.
  ///   - deviceID: The device id that it was sent with.
  ///   - now: The device's wall clock.
  public mutating func take(
    _ answer: SyncAnswer, to submission: SyncSubmission, sentAs deviceID: Identifier, at now: Instant
  ) -> SyncNext {
    // An answer for an abandoned device id has no effect.
    guard deviceID == self.deviceID else { return .ignore }
    switch answer {
    case .changes(let changes):
      switch receive(changes, to: submission, at: now) {
      case .good: return isBehind ? .more : .done
      case .diverged: return .repair
      case .outdated: return .ignore
      }
    case .gap(let expectedSeq):
      // An answer to operations that are not at the front of the queue any more has no effect.
      guard submission.operations.first == queue.first else { return .ignore }
      return expected(expectedSeq) == .registerAnew ? .register : .more
    case .reused: return submission.operations.first == queue.first ? .register : .ignore
    case .cursorInvalid:
      guard submission.cursor == cursor, submission.resume == resume, cursor != .start else { return .ignore }
      cursorIsInvalid()
      return .more
    case .nothing: return .ignore
    }
  }

  /// Whether an answer shows that the server has lost, or may have lost, acknowledged data: another
  /// epoch of the database, fewer of this device's operations, or a pull from the start in place of
  /// later changes. Call it before `take`.
  public func showsLoss(_ answer: SyncAnswer, to submission: SyncSubmission) -> Bool {
    switch answer {
    case .changes(let changes):
      if changes.lastSeq < max(kept.last?.operation.seq ?? 0, changes.outcomes.last?.seq ?? 0) { return true }
      guard submission.cursor == cursor, cursor.epoch != .none else { return false }
      return changes.cursor.epoch != cursor.epoch || changes.isReset
    case .gap, .cursorInvalid: return true
    case .reused, .nothing: return false
    }
  }
}
