/// Why a call to the store failed. The texts are for our log only: they may name hosts and rows.
public enum StoreError: Error, Equatable {
  /// The database could not be reached, could not write, or was too slow, and nothing took effect:
  /// safe to retry.
  case unavailable(reason: String)
  /// Too many statements are waiting for the database; nothing was sent.
  case overloaded
  /// The connection broke after sending, or a commit was not confirmed by a standby: it may have
  /// taken effect.
  case outcomeUnknown(reason: String)
  /// The calling task was cancelled; statements that were sent may have taken effect.
  case cancelled
  /// Other changes of the same user's data came first, repeatedly.
  case concurrentChange
  /// The user has no account, or not any more.
  case noSuchUser
  /// The database refused the data of the statement: other data may be stored. Nothing took effect.
  /// The database's log has it already.
  case dataRefused(reason: String)
  /// The database refused the statement, or holds data that this program does not write: an error
  /// of ours, or damage.
  ///
  /// - Parameter isLogged: The database's log has it already.
  case fault(reason: String, isLogged: Bool = false)

  /// The database refused the statement or its answer cannot be read, because of something in it: a
  /// part of the work may succeed.
  package var isOfStatement: Bool {
    switch self {
    case .dataRefused, .fault: true
    case .unavailable, .overloaded, .outcomeUnknown, .cancelled, .concurrentChange, .noSuchUser: false
    }
  }
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unavailable(let reason), .dataRefused(let reason), .fault(let reason, _), .outcomeUnknown(let reason): reason
    case .overloaded: "more is waiting for the database than may wait"
    case .cancelled: "the caller was cancelled"
    case .concurrentChange: "other changes of the same data came first, again and again"
    case .noSuchUser: "there is no such account"
    }
  }
}
