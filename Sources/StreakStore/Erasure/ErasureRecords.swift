package import StreakDomain

/// The remaining data about erased accounts.
package struct ErasureRecords: Sendable, Equatable {
  /// An erased account.
  package struct Person: Sendable, Equatable {
    package var userID: Identifier
    package var erasedAt: Instant

    package init(userID: Identifier, erasedAt: Instant) {
      self.userID = userID
      self.erasedAt = erasedAt
    }
  }

  /// A session that had become part of the account.
  package struct Session: Sendable, Equatable {
    package var sessionID: Identifier
    /// SHA-256 of its secret: only a client with the secret is told that it was erased.
    package var secretHash: [UInt8]
    package var userID: Identifier

    package init(sessionID: Identifier, secretHash: [UInt8], userID: Identifier) {
      self.sessionID = sessionID
      self.secretHash = secretHash
      self.userID = userID
    }
  }

  package var people: [Person]
  package var sessions: [Session]

  package init(people: [Person] = [], sessions: [Session] = []) {
    self.people = people
    self.sessions = sessions
  }
}
