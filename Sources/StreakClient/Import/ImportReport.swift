public import StreakDomain

/// The result of an import, or of its preview.
public struct ImportReport: Equatable, Sendable {
  public var habitsMade = 0
  public var daysAdded = 0
  /// Days that were already done here.
  public var daysKnown = 0
  /// Notes added to days that were already done here without a note.
  public var notesAdded = 0
  /// Days that cannot be recorded here, by habit; `remarks` has the reasons.
  public var refused: [String: [Day]] = [:]
  /// Entries that could not be recorded here, or were recorded with changes.
  public var remarks: [ImportRemark] = []
  /// Added days that will count: in the current account, or in one that is made of the session
  /// today.
  public var daysThatWillCount = 0
  /// Added days that are stored and shown but will not count.
  public var daysThatWillNotCount: Int { daysAdded - daysThatWillCount }
  /// The days go into an account; false: into the anonymous session.
  public var isInAccount = false
}
