public import StreakDomain

/// A habit as the person sees it: the server's state with the unsent changes applied.
public struct HabitView: Equatable, Sendable {
  public var id: Identifier
  public var fields: HabitFields
  public var streak: Streak
  /// The day that the streak takes as today: the earliest date among the zones used in the last 48
  /// hours.
  public var today: Day
  /// By day: every entry that was ever recorded, including those that are undone or do not count.
  public var cells: [Day: CellContent]
}

/// An event for the person.
public enum ClientEvent: Equatable, Sendable {
  /// A conflict, or a recomputed streak. It is repeated at every start until `acknowledge`.
  case notice(id: Identifier, Notice)
  /// An operation that the server rejected. It is repeated at every start until
  /// `acknowledgeRejected`.
  case rejected(Operation, Reason)
  /// Changes from the server were applied.
  case changed
  /// The person has to sign in again; the queue waits until then.
  case signInNeeded
  /// The account was erased; its data on this device is removed.
  case accountErased
  /// The server does not know the account any more; its data is now in the anonymous session.
  case accountUnknown
}

/// An account stored on this device.
public struct AccountView: Equatable, Sendable {
  public var userID: Identifier
  public var email: String
  /// It is the current account.
  public var isCurrent: Bool
  /// It holds valid credentials, as far as the device knows.
  public var isSignedIn: Bool
  /// The server does not know the account; its data is in the anonymous session.
  public var isUnknownToServer = false
  /// Operations without the server's decision.
  public var waiting: Int
  /// When the account will be erased, as the person announced; nil: it will not.
  public var deletionAt: Instant?
}

/// The result of a sync.
public struct SyncReport: Equatable, Sendable {
  /// Operations that the server decided.
  public var sent = 0
  /// Habits, days and notices received.
  public var received = 0
  /// Full pulls because the states differed.
  public var repairs = 0
}

/// The result of migrating an anonymous session into an account.
public struct MigrationReport: Equatable, Sendable {
  public var daysCounted = 0
  /// Days that are stored and shown but do not count.
  public var daysQuarantined = 0
  /// Entries that were not accepted; the export lists them.
  public var entriesRejected = 0
}
