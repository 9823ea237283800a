public import StreakDomain

/// What an import did, or would do.
public struct ImportReport: Equatable, Sendable {
  public var habitsMade = 0
  public var daysAdded = 0
  /// Days that were done here already.
  public var daysKnown = 0
  /// Notes that came to days which were done here already and had none.
  public var notesAdded = 0
  /// Days that cannot be recorded here, by habit; `remarks` say why.
  public var refused: [String: [Day]] = [:]
  /// What could not be recorded here, or not as the file has it.
  public var remarks: [ImportRemark] = []
  /// Of the days added, those that will count: in the account in use, or in one that is made of the
  /// session today.
  public var daysThatWillCount = 0
  /// Of the days added, those that are kept and shown, and will not count.
  public var daysThatWillNotCount: Int { daysAdded - daysThatWillCount }
  /// The days go into an account, and not into what may become one.
  public var isInAccount = false
}
