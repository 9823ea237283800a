public import StreakDomain

/// What the server made of a submission.
public enum SyncAnswer: Equatable, Sendable {
  case changes(SyncChanges)
  /// It waits for this operation, and none of those sent is it.
  case gap(expectedSeq: Int64)
  /// A number was used for another operation.
  case reused
  /// It takes the cursor for none that it gave.
  case cursorInvalid
  /// Nothing that says anything of the submission: the server is away, or the credentials are
  /// another account's.
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
  case register
}

extension DeviceReplica {
  /// Takes an answer, however late it comes and however often.
  ///
  /// - Parameters:
  ///   - submission: What it answers.
  ///   - deviceID: As whom it was sent.
  ///   - now: The device's wall clock.
  public mutating func take(
    _ answer: SyncAnswer, to submission: SyncSubmission, sentAs deviceID: Identifier, at now: Instant
  ) -> SyncNext {
    // What was sent under an id that the device has given up concerns it no more.
    guard deviceID == self.deviceID else { return .ignore }
    switch answer {
    case .changes(let changes):
      switch receive(changes, to: submission, at: now) {
      case .good: return isBehind ? .goOn : .rest
      case .diverged: return .repair
      case .outdated: return .ignore
      }
    case .gap(let expectedSeq):
      // An answer to something that is not first in the queue any more says nothing.
      guard submission.operations.first == queue.first else { return .ignore }
      return expected(expectedSeq) == .registerAnew ? .register : .goOn
    case .reused: return submission.operations.first == queue.first ? .register : .ignore
    case .cursorInvalid:
      guard submission.cursor == cursor, submission.resume == resume, cursor != .start else { return .ignore }
      cursorIsInvalid()
      return .goOn
    case .nothing: return .ignore
    }
  }

  /// Whether an answer shows that the server lacks, or may lack, what it had acknowledged: another
  /// life of the database, or fewer of this device's operations. To be asked before `take`.
  public func showsLoss(_ answer: SyncAnswer, to submission: SyncSubmission) -> Bool {
    switch answer {
    case .changes(let changes):
      if changes.lastSeq < max(kept.last?.operation.seq ?? 0, changes.outcomes.last?.seq ?? 0) { return true }
      return submission.cursor == cursor && cursor.epoch != .none && changes.cursor.epoch != cursor.epoch
    case .gap, .cursorInvalid: return true
    case .reused, .nothing: return false
    }
  }
}
