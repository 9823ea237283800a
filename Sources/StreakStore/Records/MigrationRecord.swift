package import struct StreakDomain.Identifier
package import struct StreakDomain.Instant

/// A session that became part of an account.
package struct MigrationRecord: Sendable, Equatable {
  package var migrationID: Identifier
  package var sessionID: Identifier
  /// When the server saw the session begin; nil if unanchored.
  package var anchor: Instant?
  /// The manifest's SHA-256, 32 bytes.
  package var manifestHash: [UInt8]
  /// The answered `MigrationResult`, in protobuf's binary form.
  package var result: [UInt8]
  package var committedAt: Instant
  /// The change number of all its changes.
  package var changeNumber: Int64
  /// Nil: it was not undone.
  package var undoneAt: Instant?
  /// The answered `UndoMigrationResponse`.
  package var undoResult: [UInt8]?

  package init(
    migrationID: Identifier, sessionID: Identifier, anchor: Instant?, manifestHash: [UInt8], result: [UInt8],
    committedAt: Instant, changeNumber: Int64 = 1, undoneAt: Instant? = nil, undoResult: [UInt8]? = nil
  ) {
    self.migrationID = migrationID
    self.sessionID = sessionID
    self.anchor = anchor
    self.manifestHash = manifestHash
    self.result = result
    self.committedAt = committedAt
    self.changeNumber = changeNumber
    self.undoneAt = undoneAt
    self.undoResult = undoResult
  }
}
