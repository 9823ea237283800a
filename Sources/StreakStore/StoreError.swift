/// Why the store could not do what it was asked. The texts are for our log only: they may name
/// hosts and rows.
public enum StoreError: Error, Equatable {
  /// The database could not be reached, could not write, or had no time, and nothing took effect:
  /// safe to try again.
  case unavailable(reason: String)
  /// More is waiting for the database than may wait; nothing was sent.
  case overloaded
  /// The link broke after sending, or a commit was not confirmed by a standby: it may have been
  /// done.
  case outcomeUnknown(reason: String)
  /// The calling task was cancelled; what was already sent may have been done.
  case cancelled
  /// Other changes of the same person's data came first, again and again.
  case concurrentChange
  /// The person has no account, or none any more.
  case noSuchUser
  /// The database refused the statement, or holds what this program does not write: a fault of
  /// ours, or damage.
  ///
  /// - Parameter isLogged: The database's log has it already.
  case fault(reason: String, isLogged: Bool = false)
}

extension StoreError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unavailable(let reason), .fault(let reason, _), .outcomeUnknown(let reason): reason
    case .overloaded: "more is waiting for the database than may wait"
    case .cancelled: "the caller was cancelled"
    case .concurrentChange: "other changes of the same data came first, again and again"
    case .noSuchUser: "there is no such account"
    }
  }
}
