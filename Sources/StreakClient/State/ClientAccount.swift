internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// An account on this device: what it holds, what it has to send, and with what it speaks to the
/// server.
struct ClientAccount: Equatable, Sendable {
  enum Standing: Equatable, Sendable {
    /// It has credentials.
    case signedIn
    /// It has none that work: the person has to sign in. Everything waits here until then.
    case signedOut
    /// The same, and then as a new device: there is another copy of this device, which used its
    /// numbers or its credentials.
    case mustRegister
    /// The server does not know the account: it was restored to a moment before the account was
    /// made. Its data is in the anonymous session, too; it is dropped here once that has become
    /// part of an account.
    case unknownToServer
  }

  struct Credentials: Equatable, Sendable {
    var accessToken: String
    var accessExpiresAt: Instant
    var refreshToken: String
    /// When the refresh was begun whose answer is not here yet; the epoch: none is under way.
    var refreshBegunAt: Instant = .epoch

    init(
      accessToken: String, accessExpiresAt: Instant, refreshToken: String,
      refreshBegunAt: Instant = .epoch
    ) {
      self.accessToken = accessToken
      self.accessExpiresAt = accessExpiresAt
      self.refreshToken = refreshToken
      self.refreshBegunAt = refreshBegunAt
    }

    init(_ tokens: Tokens) {
      self.init(
        accessToken: tokens.accessToken,
        accessExpiresAt: tokens.accessExpiresAt?.instant?.wholeMilliseconds ?? .epoch, refreshToken: tokens.refreshToken
      )
    }
  }

  var email: String
  var standing = Standing.signedIn
  var credentials: Credentials?
  var zones = ZoneUses()
  /// When this device last had nothing left to send: by that the server judges what is entered
  /// afterwards.
  var caughtUpAt: Instant = .epoch
  /// Sessions that became part of it lately, by migration: should the server lose them, they are
  /// sent again.
  var broughtSessions: [Identifier: BroughtSession] = [:]
  /// Notices that the person has seen and the server has not been told of.
  var acknowledgements: Set<Identifier> = []
  var replica: DeviceReplica

  init(email: String, credentials: Credentials?, replica: DeviceReplica) {
    self.email = email
    self.credentials = credentials
    self.replica = replica
  }

  /// Days as the person sees them. Those that the server has not judged yet are worth what it will
  /// find, as far as this device can tell.
  func shownCells(now: Instant) -> [CellKey: LedgerCell] {
    var shown = replica.shownCells
    var catchUp = CatchUp(caughtUpAt: caughtUpAt)
    for operation in replica.queue {
      guard case .setCompletion(let wanted) = operation.change, wanted.done, let key = operation.cellKey else {
        continue
      }
      let trust = catchUp.claim(wanted.day, made: wanted.made, now: now)
      // What was judged before keeps its worth, unless this is worth more.
      let before = replica.cells[key]?.cell.trust ?? trust
      shown[key]?.trust = before == .counted ? before : trust
    }
    return shown
  }

  /// Sessions that the server may have lost, in the order in which they were brought.
  var lostSessions: [(key: Identifier, value: BroughtSession)] {
    broughtSessions.filter(\.value.isLost).sorted {
      ($0.value.afterSeq, $0.value.broughtAt, $0.key)
        < ($1.value.afterSeq, $1.value.broughtAt, $1.key)
    }
  }

  /// What to send next. While a session is lost, the operations made after it wait.
  /// - Parameter isFirst: Nothing was heard of the server yet.
  func submission(isFirst: Bool) -> SyncSubmission {
    var submission = replica.submission
    // Operations are about habits that a session brought: whether the server still has those is
    // known before any is sent.
    let last = isFirst && !broughtSessions.isEmpty ? 0 : lostSessions.first?.value.afterSeq ?? .max
    let sent = submission.operations.prefix { $0.seq <= last }
    if sent.count < submission.operations.count {
      submission.operations = Array(sent)
      submission.nothingLeft = false
    }
    return submission
  }

  /// A complete pull has brought what these sources stated.
  mutating func noteReceived(_ seen: SeenStatements) {
    for id in broughtSessions.keys where seen.covers(StatementID(.migration, id)) {
      broughtSessions[id]?.isReceived = true
    }
  }

  /// The server may have lost what it had acknowledged: the sessions that were brought within the
  /// time for which operations are kept are sent again.
  mutating func noteLoss(now: Instant) {
    let oldest = now.advanced(byMilliseconds: -DeviceReplica.keptMilliseconds)
    broughtSessions = broughtSessions.filter { $0.value.broughtAt >= oldest }
    for id in broughtSessions.keys { broughtSessions[id]?.isLost = true }
  }
}

/// A session that became part of an account, kept as long as decided operations are, for a server
/// that loses it.
struct BroughtSession: Equatable, Sendable {
  /// An encoded `SessionClaim`.
  var claim: [UInt8]
  /// It was sent as another device's part of a session that was in the account already.
  var isSecondDevice = false
  /// Which habit of the account each habit of the session has become, where it is another.
  var habitMap: [Identifier: Identifier] = [:]
  var broughtAt: Instant
  /// The device's last operation that was made before.
  var afterSeq: Int64 = 0
  /// The server may have lost it: it is to be sent again.
  var isLost = false
  /// A pull has brought what it became: until then its days are nowhere else.
  var isReceived = false
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
