public import StreakDomain

/// The remaining data about erased accounts.
public struct ErasureRecords: Sendable, Equatable {
  /// An erased account.
  public struct Person: Sendable, Equatable {
    public var userID: Identifier
    public var erasedAt: Instant

    public init(userID: Identifier, erasedAt: Instant) {
      self.userID = userID
      self.erasedAt = erasedAt
    }
  }

  /// A session that had become part of the account.
  public struct Session: Sendable, Equatable {
    public var sessionID: Identifier
    /// SHA-256 of its secret: only a client with the secret learns that it was erased.
    public var secretHash: [UInt8]
    public var userID: Identifier

    public init(sessionID: Identifier, secretHash: [UInt8], userID: Identifier) {
      self.sessionID = sessionID
      self.secretHash = secretHash
      self.userID = userID
    }
  }

  public var people: [Person]
  public var sessions: [Session]

  public init(people: [Person] = [], sessions: [Session] = []) {
    self.people = people
    self.sessions = sessions
  }
}
