public import struct StreakDomain.Identifier
public import struct StreakDomain.Instant

/// The server's row of an anonymous session.
public struct SessionRecord: Sendable, Equatable {
  public var sessionID: Identifier
  /// SHA-256 of the session's secret, 32 bytes.
  public var secretHash: [UInt8]
  /// When the server saw it begin; nil if it began offline.
  public var anchor: Instant?
  /// The reply to `StartSession`, sealed under its idempotency key; nil if it began offline.
  public var sealedStart: [UInt8]?
  /// The account that the session became part of.
  public var claimedBy: Identifier?
  /// The migration by which it did.
  public var migrationID: Identifier?

  public init(
    sessionID: Identifier, secretHash: [UInt8], anchor: Instant?, sealedStart: [UInt8]? = nil,
    claimedBy: Identifier? = nil, migrationID: Identifier? = nil
  ) {
    self.sessionID = sessionID
    self.secretHash = secretHash
    self.anchor = anchor
    self.sealedStart = sealedStart
    self.claimedBy = claimedBy
    self.migrationID = migrationID
  }
}
