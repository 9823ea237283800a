internal import Cryptography
internal import GRPCSchema
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// A person's life on this device before an account: absolute statements, the last one of each day.
struct AnonymousSession: Equatable, Sendable {
  struct Entry: Equatable, Sendable {
    var done: Bool
    var note: String
    var made: ClientTime
  }

  /// A session whose beginning the server does not know may be introduced to it this long, in
  /// milliseconds: introduced later, its earlier days would be held to the later beginning, and
  /// fewer of them would count than without.
  static let introductionMilliseconds: Int64 = 86_400_000

  var sessionID: Identifier
  var secret: [UInt8]
  /// With which the server is asked to begin a session; the same again gives the same session.
  var startKey: [UInt8]
  /// The server knows when it began.
  var isAnchored = false
  var begunAt: Instant
  /// When the server last heard of it.
  var keptAt: Instant = .epoch
  var zones = ZoneUses()
  var habits: [Identifier: HabitFields] = [:]
  var entries: [CellKey: Entry] = [:]

  init(begunAt: Instant) {
    sessionID = .random()
    secret = randomBytes(count: 32)
    startKey = randomBytes(count: 32)
    self.begunAt = begunAt
  }

  /// The server knows another session by this name, or gave it to an account that cannot be found:
  /// the same days under a new name, of which the server did not see the beginning.
  mutating func takeNewName() {
    sessionID = .random()
    secret = randomBytes(count: 32)
    startKey = randomBytes(count: 32)
    isAnchored = false
    keptAt = .epoch
  }

  /// Days as the person sees them. What a session's days are worth is decided when they go into an
  /// account.
  var shownCells: [CellKey: LedgerCell] {
    entries.mapValues { LedgerCell(done: $0.done, note: $0.note, trust: .counted) }
  }

  /// Everything at this moment, as it goes into an account.
  func capture(at now: ClientTime) -> StreakDomain.CapturedSession {
    let habitIDs = habits.sorted { ($0.value.position, $0.key) < ($1.value.position, $1.key) }.map(\.key)
    let capturedHabits = habitIDs.compactMap { id in
      habits[id].map { fields in
        StreakDomain.CapturedSession.Habit(
          id: id.bytes, name: fields.name, description: fields.description, color: fields.color,
          position: fields.position, archived: fields.archived, claim: claim(of: id, at: now))
      }
    }
    // An account that the server has lost may hold more: the earliest days follow as operations.
    var sent = entries.sorted { ($0.key.day, $0.key) < ($1.key.day, $1.key) }
    if sent.count > StreakClient.sessionEntriesMax { sent.removeFirst(sent.count - StreakClient.sessionEntriesMax) }
    let capturedEntries = sent.sorted { $0.key < $1.key }.map { key, entry in
      let occurredAt = GoogleProtobufTimestamp(entry.made.occurredAt)
      return StreakDomain.CapturedSession.Entry(
        habitID: key.habitID.bytes, day: key.day, done: entry.done, note: entry.note, made: entry.made,
        occurredAtSeconds: occurredAt.seconds, occurredAtNanos: occurredAt.nanos)
    }
    var capture = StreakDomain.CapturedSession(
      habits: capturedHabits, entries: capturedEntries, capturedAt: now,
      manifest: .init(habitCount: capturedHabits.count, entryCount: capturedEntries.count, sha256: []))
    capture.manifest.sha256 = SHA256.digest(of: capture.canonicalBytes)
    return capture
  }

  private func claim(of habitID: Identifier, at now: ClientTime) -> StreakDomain.CapturedSession.Claim {
    let days = entries.filter { $0.key.habitID == habitID && $0.value.done }.map(\.key.day)
    let streak = StreakSummary(countedDays: days).streak(today: now.day)
    return .init(currentStreak: Int32(clamping: streak.current), lastCompletedDay: streak.lastDay)
  }

  /// The session with its proof, on its way into an account.
  func makeClaim(migrationID: Identifier, at now: ClientTime) -> SessionClaim {
    SessionClaim(
      sessionId: sessionID.bytes, sessionSecret: secret, migrationId: migrationID.bytes, unanchored: !isAnchored,
      captured: Schema.CapturedSession(capture(at: now)))
  }
}

extension Identifier {
  /// A fresh random id.
  static func random() -> Identifier {
    guard let identifier = Identifier(randomBytes(count: byteCount)) else { preconditionFailure("16 bytes make an id") }
    return identifier
  }
}
