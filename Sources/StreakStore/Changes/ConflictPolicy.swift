/// What follows when an attempt to store users' changes has not succeeded. Pure: it decides, and
/// `ChangeAttempt` and `BatchQueue` act.
enum ConflictPolicy {
  /// Attempts without a lock before the user's row is locked.
  static let unlockedAttemptsMax = 4
  /// Attempts before the calls fail.
  static let attemptsMax = 12

  // MARK: Errors

  /// What follows an error of a whole batch.
  enum Remedy: Equatable {
    /// Another change came first: each user's calls are attempted again.
    case attemptAgain
    /// Something in the batch cannot be stored: each user is attempted alone, so that only the
    /// user that holds it is concerned.
    case divideUsers
    /// The same for the calls of one user.
    case divideCalls
    /// The same for the operations of one call, and the habits that it restates: operations that
    /// cannot be stored are rejected, habits left out.
    case divideOperations
    /// The calls end with the error.
    case fail
  }

  /// - Parameters:
  ///   - userCount: The batch's users, at least 1.
  ///   - callCount: The calls of all of them, at least 1.
  ///   - isQueue: The only call has operations of a device's queue, or restates habits.
  static func remedy(for error: StoreError, userCount: Int, callCount: Int, isQueue: Bool) -> Remedy {
    switch error {
    case .concurrentChange: .attemptAgain
    case .dataRefused where userCount > 1, .fault where userCount > 1: .divideUsers
    case .dataRefused where callCount > 1, .fault where callCount > 1: .divideCalls
    case .dataRefused where isQueue: .divideOperations
    case .dataRefused, .fault, .unavailable, .overloaded, .outcomeUnknown, .cancelled, .noSuchUser: .fail
    }
  }

  // MARK: Attempts

  /// How a user's calls go on when another change came first.
  enum NextAttempt: Equatable {
    /// In the next batch.
    case unlocked
    /// Alone, under a lock of the user's row.
    case locked
    /// Not any more: the calls fail.
    case none
  }

  /// - Parameter count: The attempts so far.
  static func next(afterAttempts count: Int) -> NextAttempt {
    if count < unlockedAttemptsMax { return .unlocked }
    return count < attemptsMax ? .locked : .none
  }
}
