public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

/// A session that became part of an account.
public struct MigrationRecord: Sendable, Equatable {
  public var migrationID: Identifier
  public var sessionID: Identifier
  /// When the server saw the session begin; nil if unanchored.
  public var anchor: Instant?
  /// The manifest's SHA-256, 32 bytes.
  public var manifestHash: [UInt8]
  /// The answered `MigrationResult`, in protobuf's binary form.
  public var result: [UInt8]
  public var committedAt: Instant
  /// The change number of all its changes.
  public var changeNumber: Int64
  /// Nil: it was not undone.
  public var undoneAt: Instant?
  /// The answered `UndoMigrationResponse`.
  public var undoResult: [UInt8]?

  public init(
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
