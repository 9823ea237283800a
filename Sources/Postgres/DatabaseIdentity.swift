/// Identifies the database behind a connection, and its timeline.
///
/// The system identifier is drawn when a cluster is made and shared by all its copies. The timeline
/// rises when a copy is promoted and when a cluster is recovered to an earlier moment.
public struct DatabaseIdentity: Sendable, Hashable, CustomStringConvertible {
  public let systemIdentifier: UInt64
  public let timeline: UInt32

  public init(systemIdentifier: UInt64, timeline: UInt32) {
    self.systemIdentifier = systemIdentifier
    self.timeline = timeline
  }

  public var description: String { "system \(systemIdentifier), timeline \(timeline)" }
}

/// Why a connection is refused: it leads to another database than the known one.
public enum IdentityRefusal: Error, Equatable, CustomStringConvertible {
  case otherSystem(found: DatabaseIdentity, known: DatabaseIdentity)
  /// An old primary that came back, or a copy restored from the past.
  case olderTimeline(found: DatabaseIdentity, known: DatabaseIdentity)

  public var description: String {
    switch self {
    case .otherSystem(let found, let known):
      "another database: its system identifier is \(found.systemIdentifier), that of the one in use is "
        + "\(known.systemIdentifier)"
    case .olderTimeline(let found, let known):
      "an old primary: its timeline is \(found.timeline), that of the database in use is \(known.timeline)"
    }
  }
}

/// Decides whether a connection leads to the one database that all connections of a process must
/// share. Pure.
struct IdentityGuard: Equatable {
  enum Verdict: Equatable {
    /// The connection leads to the database in use.
    case known
    /// The first connection: its database is the one in use from now on.
    case first
    /// A newer timeline of the database in use; it replaces the older one.
    case newerTimeline
    case refused(IdentityRefusal)
  }

  /// The database in use; nil before the first connection.
  private(set) var known: DatabaseIdentity?

  mutating func judge(_ found: DatabaseIdentity) -> Verdict {
    guard let known else {
      known = found
      return .first
    }
    guard found.systemIdentifier == known.systemIdentifier else {
      return .refused(.otherSystem(found: found, known: known))
    }
    if found.timeline < known.timeline { return .refused(.olderTimeline(found: found, known: known)) }
    guard found.timeline > known.timeline else { return .known }
    self.known = found
    return .newerTimeline
  }
}
