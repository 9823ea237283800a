/// An entry of a session that broke a rule, kept whole in the user's inbox.
public struct RejectedEntry: Sendable, Equatable {
  public var entryID: Identifier
  public var migrationID: Identifier?
  /// Its index in the request, from 0.
  public var index: Int32
  public var habitID: Identifier
  public var day: Day
  public var done: Bool
  public var note: String
  public var clientTime: ClientTime
  /// Nil: a reason that this program does not know.
  public var reason: Reason?
  public var rejectedAt: Instant
  /// SHA-256 of the note, if the note is not kept; empty otherwise.
  public var noteHash: [UInt8]

  public init(
    entryID: Identifier, migrationID: Identifier?, index: Int32, habitID: Identifier, day: Day, done: Bool,
    note: String, clientTime: ClientTime, reason: Reason?, rejectedAt: Instant, noteHash: [UInt8] = []
  ) {
    self.entryID = entryID
    self.migrationID = migrationID
    self.index = index
    self.habitID = habitID
    self.day = day
    self.done = done
    self.note = note
    self.clientTime = clientTime
    self.reason = reason
    self.rejectedAt = rejectedAt
    self.noteHash = noteHash
  }
}
