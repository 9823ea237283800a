internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// An account on this device: what it holds, what it has to send, and with what it speaks to the server.
struct ClientAccount: Equatable, Sendable {
  enum Standing: Equatable, Sendable {
    /// It has credentials.
    case signedIn
    /// It has none that work: the person has to sign in. Everything waits here until then.
    case signedOut
    /// The same, and then as a new device: the server has lost this device's numbers, or this device is an old copy of itself.
    case mustRegister(serverHasLost: Bool)
  }

  struct Credentials: Equatable, Sendable {
    var accessToken: String
    var accessExpiresAtMilliseconds: Int64
    var refreshToken: String
    /// A refresh was begun, and its answer is not here yet. The server gives it again, but not for long.
    var isRefreshing = false

    init(accessToken: String, accessExpiresAtMilliseconds: Int64, refreshToken: String, isRefreshing: Bool = false) {
      self.accessToken = accessToken
      self.accessExpiresAtMilliseconds = accessExpiresAtMilliseconds
      self.refreshToken = refreshToken
      self.isRefreshing = isRefreshing
    }

    init(_ tokens: Tokens) {
      self.init(
        accessToken: tokens.accessToken,
        accessExpiresAtMilliseconds: tokens.accessExpiresAt?.milliseconds ?? 0, refreshToken: tokens.refreshToken)
    }
  }

  var email: String
  var standing = Standing.signedIn
  var credentials: Credentials?
  var zones = ZoneUses()
  /// Sessions that became part of it lately, by migration: should the server lose them, they are sent again.
  var broughtSessions: [Identifier: BroughtSession] = [:]
  /// Notices that the person has seen and the server has not been told of.
  var acknowledgements: Set<Identifier> = []
  var replica: DeviceReplica

  init(email: String, credentials: Credentials?, replica: DeviceReplica) {
    self.email = email
    self.credentials = credentials
    self.replica = replica
  }
}

/// A session that became part of an account, kept as long as decided operations are, for a server that is restored to an earlier moment.
struct BroughtSession: Equatable, Sendable {
  /// An encoded `SessionClaim`.
  var claim: [UInt8]
  var broughtAtMilliseconds: Int64
  /// The life of the database that holds it; 0: not known yet.
  var epoch: Int64 = 0
}

/// A sign-up whose answer has not come: sent again as it was, it gets the same account.
struct PendingSignUp: Equatable, Sendable {
  var email: String
  var idempotencyKey: [UInt8]
  var deviceID: Identifier
  /// An encoded `SessionClaim`; empty for none.
  var claim: [UInt8]
}

/// A migration whose answer has not come.
struct PendingMigration: Equatable, Sendable {
  var userID: Identifier
  /// An encoded `SessionClaim`.
  var claim: [UInt8]
}
