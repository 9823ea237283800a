internal import Cryptography
internal import Schema
internal import SchemaConversion
internal import StreakDomain

/// The data recorded on this device without an account: absolute statements, the last one of each
/// day.
struct AnonymousSession: Equatable, Sendable {
  struct Entry: Equatable, Sendable {
    var done: Bool
    var note: String
    var clientTime: ClientTime
    /// Notes of the day that lost a conflict in which the person has not chosen, in an account that
    /// the server has lost.
    var otherNotes: [String] = []

    /// All notes, the shown one last: of entries of equal moments the last one wins.
    fileprivate var notes: [String] { otherNotes + [note] }
  }

  /// A session whose begin the server does not know may be introduced to it for this long, in
  /// milliseconds. Introduced later, its earlier days would be judged by the later begin, and fewer
  /// of them would count than without an introduction.
  static let introductionMilliseconds: Int64 = 86_400_000

  /// The most bytes of a capture, encoded: a request may have 15 MiB.
  static let captureBytesMax = 14 * 1_048_576

  var sessionID: Identifier
  var secret: [UInt8]
  /// The idempotency key of the request that starts the session: the same key gives the same
  /// session.
  var startKey: [UInt8]
  /// The server knows when the session began.
  var isAnchored = false
  var begunAt: Instant
  /// When the session was last reported to the server.
  var keptAt: Instant = .epoch
  var zones = RecentTimeZones()
  var habits: [Identifier: HabitFields] = [:]
  var entries: [CellKey: Entry] = [:]

  init(begunAt: Instant) {
    sessionID = .random()
    secret = randomBytes(count: 32)
    startKey = randomBytes(count: 32)
    self.begunAt = begunAt
  }

  /// Gives the session a new id, because the server knows another session by the old one, or gave
  /// the session to an account that cannot be found. The server did not see the begin of the new
  /// id.
  mutating func takeNewName() {
    sessionID = .random()
    secret = randomBytes(count: 32)
    startKey = randomBytes(count: 32)
    isAnchored = false
    keptAt = .epoch
  }

  /// Days as the person sees them. The status of a session's days is decided when they enter an
  /// account.
  var shownCells: [CellKey: CellContent] {
    entries.mapValues { CellContent(done: $0.done, note: $0.note, trust: .counted) }
  }

  /// The session's content at this moment, for a migration.
  func capture(at now: ClientTime) -> StreakDomain.CapturedSession {
    let habitIDs = habits.sorted { ($0.value.position, $0.key) < ($1.value.position, $1.key) }.map(\.key)
    let capturedHabits = habitIDs.compactMap { id in
      habits[id].map { fields in
        StreakDomain.CapturedSession.Habit(
          id: id, fields: fields, claim: claim(of: id, at: now))
      }
    }
    // The days may be more than fit, and their notes may: the earliest days follow as operations.
    var room = Self.captureBytesMax - habits.values.reduce(0) { $0 + $1.textBytes + Self.habitOverheadBytes }
    var places = StreakClient.sessionEntriesMax
    let sent = entries.sorted { ($0.key.day, $0.key) > ($1.key.day, $1.key) }
      .prefix { _, entry in
        for note in entry.notes {
          room -= note.utf8.count + entry.clientTime.zone.utf8.count + Self.entryOverheadBytes
          places -= 1
        }
        return room >= 0 && places >= 0
      }
    let capturedEntries = sent.sorted { $0.key < $1.key }.flatMap { key, entry in
      entry.notes.map { note in
        StreakDomain.CapturedSession.Entry(
          habitID: key.habitID, day: key.day, done: entry.done, note: note, clientTime: entry.clientTime)
      }
    }
    var capture = StreakDomain.CapturedSession(
      habits: capturedHabits, entries: capturedEntries, capturedAt: now,
      manifest: .init(habitCount: capturedHabits.count, entryCount: capturedEntries.count, sha256: []))
    capture.manifest.sha256 = SHA256.digest(of: capture.canonicalBytes)
    return capture
  }

  /// Bytes of an encoded entry and habit beside their texts, at most: ids, numbers, tags and
  /// lengths.
  private static let entryOverheadBytes = 96
  private static let habitOverheadBytes = 96

  private func claim(of habitID: Identifier, at now: ClientTime) -> StreakDomain.CapturedSession.Claim {
    let days = entries.filter { $0.key.habitID == habitID && $0.value.done }.map(\.key.day)
    let streak = StreakSummary(countedDays: days).streak(today: now.day)
    return .init(currentStreak: Int32(clamping: streak.current), lastCompletedDay: streak.lastDay)
  }

  /// The session with its proof, for a migration.
  func makeClaim(migrationID: Identifier, at now: ClientTime) -> SessionClaim {
    SessionClaim(
      sessionId: sessionID.bytes, sessionSecret: secret, migrationId: migrationID.bytes, unanchored: !isAnchored,
      captured: Schema.CapturedSession(capture(at: now)))
  }
}
