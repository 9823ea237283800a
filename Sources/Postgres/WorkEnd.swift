/// What becomes of work whose connection broke before its answer. Pure.
enum WorkEnd: Equatable {
  /// It has ended already.
  case nothing
  /// It only reads: it is sent once more.
  case runAgain
  case fail(DatabaseError)

  /// - Parameters:
  ///   - unansweredSteps: The work's statements without an answer.
  ///   - endedByServer: The server ended the session with an error message, so that nothing without
  ///     an answer took effect.
  ///   - isClosing: The pool is closing.
  init(
    of work: DatabaseWork, unansweredSteps: Int, reason: String, endedByServer: Bool, isClosing: Bool
  ) {
    guard !work.isFinished else {
      self = .nothing
      return
    }
    switch work.kind {
    case .read: self = work.wasRunAgain || isClosing ? .fail(.unreachable(reason: reason)) : .runAgain
    case .transactionStep: self = .fail(work.isCancelRequested ? .cancelled : .unreachable(reason: reason))
    case .write:
      // Its transaction commits only after the answer to its last step.
      let isUndone = endedByServer && unansweredSteps > 0
      self = .fail(isUndone ? .unreachable(reason: reason) : .outcomeUnknown(reason: reason))
    case .commit:
      // COMMIT is its last step and takes effect before its answer.
      let isUndone = endedByServer && unansweredSteps > 1
      self = .fail(isUndone ? .unreachable(reason: reason) : .outcomeUnknown(reason: reason))
    case .reservation: preconditionFailure("a reservation sends nothing")
    }
  }
}
