public import StreakDomain

/// A habit as the person sees it: what the server holds, with what is still to be sent.
public struct HabitView: Equatable, Sendable {
  public var id: Identifier
  public var fields: HabitFields
  public var streak: Streak
  /// What the streak takes as today: the earliest date among the zones this person used in the last
  /// 48 hours.
  public var today: Day
  /// By day: everything that was ever recorded, also what is undone or does not count.
  public var cells: [Day: LedgerCell]
}

/// Something the person should see.
public enum ClientEvent: Equatable, Sendable {
  /// A conflict, or a streak that healed. It comes again with every start until `acknowledge`.
  case notice(id: Identifier, Notice)
  /// An operation that the server did not accept. It comes again with every start until
  /// `acknowledgeRejected`.
  case rejected(Operation, Reason)
  /// The state has changed by what came from the server.
  case changed
  /// The person has to sign in again. What waits to be sent waits for that.
  case signInNeeded
  /// The account was erased; what was here of it is gone.
  case accountErased
  /// The server does not know the account any more; what was in it is the anonymous session now.
  case accountUnknown
}

/// An account that this device holds.
public struct AccountView: Equatable, Sendable {
  public var userID: Identifier
  public var email: String
  /// It is the one in use.
  public var isCurrent: Bool
  /// It has credentials that work, as far as the device knows.
  public var isSignedIn: Bool
  /// The server did not know it: what it held is in the anonymous session.
  public var isUnknownToServer = false
  /// Operations that the server has not decided.
  public var waiting: Int
}

/// What a sync did.
public struct SyncReport: Equatable, Sendable {
  /// Operations that the server has decided.
  public var sent = 0
  /// Habits, days and notices received.
  public var received = 0
  /// The states differed, and everything was pulled again.
  public var repairs = 0
}

/// What became of an anonymous session in an account.
public struct MigrationReport: Equatable, Sendable {
  public var daysCounted = 0
  /// Days that are kept and shown, and do not count.
  public var daysQuarantined = 0
  /// Entries that were not accepted; the export lists them.
  public var entriesRejected = 0
}
