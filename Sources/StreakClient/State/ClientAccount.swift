internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// An account on this device: its data, its queue, and its credentials.
struct ClientAccount: Equatable, Sendable {
  enum Standing: Equatable, Sendable {
    /// It has credentials.
    case signedIn
    /// It has no valid credentials: the person has to sign in. The queue waits until then.
    case signedOut
    /// The person has to sign in, as a new device: a copy of this device exists, which has used its
    /// sequence numbers or its credentials.
    case mustRegister
    /// The server does not know the account: it was restored to a moment before the account was
    /// made. The data is in the anonymous session as well; it is removed here once that session has
    /// become part of an account.
    case unknownToServer
  }

  struct Credentials: Equatable, Sendable {
    var accessToken: String
    var accessExpiresAt: Instant
    var refreshToken: String
    /// When the running refresh began; the epoch: none is running.
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
  var zones = RecentTimeZones()
  /// When this device's queue was last empty: the server uses it to
  /// judge days that are entered afterwards.
  var caughtUpAt: Instant = .epoch
  /// When the account will be erased, as the server said last; nil: it will not.
  var deletionAt: Instant?
  /// Sessions that recently became part of the account, by migration. If the server loses one, it
  /// is sent again.
  var migratedSessions: [Identifier: MigratedSession] = [:]
  /// Notices that the person has seen; true: sent, and the server has lost nothing since.
  var acknowledgements: [Identifier: Bool] = [:]
  var replica: DeviceReplica

  init(email: String, credentials: Credentials?, replica: DeviceReplica) {
    self.email = email
    self.credentials = credentials
    self.replica = replica
  }

  /// Days as the person sees them. Days without the server's judgement have the status that this
  /// device expects.
  func shownCells(now: Instant) -> [CellKey: CellContent] {
    var shown = replica.shownCells
    _ = backfill(now: now) { key, trust in
      // A day that was judged before keeps its status, unless the new one is better.
      let before = replica.cells[key]?.cell.trust ?? trust
      shown[key]?.trust = before == .counted ? before : trust
    }
    return shown
  }

  /// The server's judgement of further days, after those in the queue.
  func backfill(now: Instant, _ judged: (CellKey, StreakDomain.CellTrust) -> Void = { _, _ in }) -> BackfillAllowance {
    var backfill = BackfillAllowance(caughtUpAt: caughtUpAt)
    for operation in replica.queue {
      guard case .setCompletion(let wanted) = operation.change, wanted.done, let key = operation.cellKey else {
        continue
      }
      judged(key, backfill.claim(wanted.day, clientTime: wanted.clientTime, now: now))
    }
    return backfill
  }

  /// Sessions that the server may have lost, in the order of their migration.
  var lostSessions: [(key: Identifier, value: MigratedSession)] {
    migratedSessions.filter(\.value.isLost).sorted {
      ($0.value.afterSeq, $0.value.migratedAt, $0.key)
        < ($1.value.afterSeq, $1.value.migratedAt, $1.key)
    }
  }

  /// The next operations to send. While a session is lost, the operations made after it wait.
  /// - Parameter isFirst: No answer of the server is known yet.
  func submission(isFirst: Bool) -> SyncSubmission {
    var submission = replica.submission
    // Operations may concern habits of a migrated session. Before any is sent, the client must know
    // whether the server still has these habits.
    let last = isFirst && !migratedSessions.isEmpty ? 0 : lostSessions.first?.value.afterSeq ?? .max
    let sent = submission.operations.prefix { $0.seq <= last }
    if sent.count < submission.operations.count {
      submission.operations = Array(sent)
      submission.queueDrained = false
    }
    return submission
  }

  /// Records that a complete pull contained the statements of these sources.
  mutating func noteReceived(_ seen: SeenStatements) {
    for id in migratedSessions.keys where seen.covers(StatementID(.migration, id)) {
      migratedSessions[id]?.isReceived = true
    }
  }

  /// Takes the zones that the server knows, and adds those of the completions that it does not have
  /// yet.
  /// - Returns: Whether the zones have changed.
  mutating func take(_ zones: RecentTimeZones, now: Instant) -> Bool {
    let before = self.zones
    self.zones = zones
    for operation in replica.queue {
      if case .setCompletion(let completion) = operation.change { self.zones.note(completion.clientTime, now: now) }
    }
    return self.zones != before
  }

  /// The server may have lost acknowledged data. Sessions migrated within the retention of
  /// operations are sent again.
  mutating func noteLoss(now: Instant) {
    let oldest = now.advanced(byMilliseconds: -DeviceReplica.keptMilliseconds)
    migratedSessions = migratedSessions.filter { $0.value.migratedAt >= oldest }
    for id in migratedSessions.keys { migratedSessions[id]?.isLost = true }
    acknowledgements = acknowledgements.mapValues { _ in false }
  }
}

/// A session that became part of an account, stored as long as decided operations are, in case the
/// server loses it.
struct MigratedSession: Equatable, Sendable {
  /// An encoded `SessionClaim`.
  var claim: [UInt8]
  /// It was sent as another device's part of a session that was already in the account.
  var isSecondDevice = false
  /// The account's habit for each habit of the session, where they differ.
  var habitMap: [Identifier: Identifier] = [:]
  var migratedAt: Instant
  /// The device's last operation made before the migration.
  var afterSeq: Int64 = 0
  /// The server may have lost it: it has to be sent again.
  var isLost = false
  /// A pull has received its days: until then, only this record holds them.
  var isReceived = false
}

/// A sign-up without an answer: sending the same request again gives the same account.
struct PendingSignUp: Equatable, Sendable {
  var email: String
  var idempotencyKey: [UInt8]
  var deviceID: Identifier
  /// An encoded `SessionClaim`; empty if there is no session.
  var claim: [UInt8]
}

/// A migration without an answer.
struct PendingMigration: Equatable, Sendable {
  var userID: Identifier
  /// An encoded `SessionClaim`.
  var claim: [UInt8]
}
