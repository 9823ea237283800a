package import StreakDomain

/// An entry that broke a rule, kept whole in the user's inbox.
package struct RejectedEntryRecord: Sendable, Equatable {
  package var entryID: Identifier
  package var migrationID: Identifier?
  /// Its index in the request, from 0.
  package var index: Int32
  package var habitID: Identifier
  package var day: Day
  package var done: Bool
  package var note: String
  package var made: ClientTime
  /// The number of the schema's `ErrorReason`.
  package var reason: Int32
  package var rejectedAt: Instant
  /// SHA-256 of the note, if the note is not kept; empty otherwise.
  package var noteHash: [UInt8]

  package init(
    entryID: Identifier, migrationID: Identifier?, index: Int32, habitID: Identifier, day: Day, done: Bool,
    note: String, made: ClientTime, reason: Int32, rejectedAt: Instant,
    noteHash: [UInt8] = []
  ) {
    self.entryID = entryID
    self.migrationID = migrationID
    self.index = index
    self.habitID = habitID
    self.day = day
    self.done = done
    self.note = note
    self.made = made
    self.reason = reason
    self.rejectedAt = rejectedAt
    self.noteHash = noteHash
  }
}
