internal import Postgres
internal import StreakDomain

/// The columns of `sessions`.
enum SessionColumn: Int, TableColumn {
  case sessionID, secretHash, anchor, lastContactAt, sealedStart, claimedBy, migrationID, sealedStash, stashNumber,
    stashedAt

  /// The columns of a session's record.
  static let record: [SessionColumn] = [.sessionID, .secretHash, .anchor, .sealedStart, .claimedBy, .migrationID]
  /// The columns of its stash.
  static let stash: [SessionColumn] = [.sealedStash, .stashNumber, .stashedAt]

  /// Inserts a session; changes nothing if there is one with its id.
  static let insert = Statement(
    .write,
    """
    INSERT INTO sessions (\(allCases.list())) VALUES (\(allCases.parameters()))
    ON CONFLICT (session_id) DO NOTHING
    """)

  /// The assignments of a claim by the account `$2` through the migration `$3` at `$4`. Data that
  /// the account has then is removed.
  static let claim = """
    \([SessionColumn.claimedBy, .migrationID, .lastContactAt].assignments(fromParameter: 2)), \
    \([SessionColumn.sealedStart, .sealedStash].assignmentsOfDefaults())
    """

  /// The value to insert.
  func value(_ session: NewSession) -> PostgresValue {
    switch self {
    case .sessionID: .identifier(session.record.sessionID)
    case .secretHash: .bytes(session.record.secretHash)
    case .anchor: .instant(session.record.anchor)
    case .lastContactAt: .instant(session.lastContactAt)
    case .sealedStart: .bytes(session.record.sealedStart)
    case .claimedBy: .identifier(session.record.claimedBy)
    case .migrationID: .identifier(session.record.migrationID)
    case .sealedStash: .bytes(session.stash?.sealed)
    case .stashNumber: .int64(session.stash?.number)
    case .stashedAt: .instant(session.stash?.stashedAt)
    }
  }
}

/// A session as it is inserted.
struct NewSession {
  let record: SessionRecord
  let lastContactAt: Instant
  var stash: StashRecord?

  /// Inserts it, unless there is a session with its id.
  var insertion: BoundStatement {
    BoundStatement(statement: SessionColumn.insert, parameters: SessionColumn.allCases.map { $0.value(self) })
  }
}

extension Row {
  /// Decodes `SessionColumn.record`.
  func session(_ at: Selection<SessionColumn>) throws(DatabaseError) -> SessionRecord {
    SessionRecord(
      sessionID: try identifier(at[.sessionID]), secretHash: try bytes(at[.secretHash]),
      anchor: try instantOrNull(at[.anchor]), sealedStart: try bytesOrNull(at[.sealedStart]),
      claimedBy: try identifierOrNull(at[.claimedBy]), migrationID: try identifierOrNull(at[.migrationID]))
  }

  /// Decodes `SessionColumn.stash`; nil if the session never had one.
  ///
  /// - Parameter hasContent: The sealed capture is selected too.
  func stash(_ at: Selection<SessionColumn>, hasContent: Bool) throws(DatabaseError) -> StashRecord? {
    guard let number = try int64OrNull(at[.stashNumber]), let stashedAt = try instantOrNull(at[.stashedAt]) else {
      return nil
    }
    return StashRecord(
      number: number, sealed: hasContent ? try bytesOrNull(at[.sealedStash]) : nil, stashedAt: stashedAt)
  }
}
