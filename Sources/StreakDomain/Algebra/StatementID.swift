/// Names one statement about a person's data: the operation, migration, import or recovery that
/// made it.
///
/// The name survives a change of epoch: it holds nothing that the server counts. Source:
/// Specification.md, "What an operation had seen".
public struct StatementID: Hashable, Comparable, Sendable {
  /// Statements of other sources than a device's queue that arrive at once. The raw value is their
  /// `seq`.
  public enum Bulk: Int64, Sendable {
    case migration = 0
    case document = -1
    case recovery = -2
  }

  /// A device; or the id of a migration, import or recovery; or `directCalls`.
  public var source: Identifier
  /// An operation's number in its device's queue, from 1; a `Bulk`; for a direct call a number that
  /// the server allocates.
  public var seq: Int64

  /// The source of all direct calls of an account (`RecordCompletion` and others), which have no
  /// place in a queue.
  public static let directCalls = Identifier.zero

  public init(source: Identifier, seq: Int64) {
    self.source = source
    self.seq = seq
  }

  /// The only statement of a migration, import or recovery.
  public init(_ bulk: Bulk, _ id: Identifier) { self.init(source: id, seq: bulk.rawValue) }

  /// What a migration states of one of several habits that it brings: all of them may become one.
  init(_ migrationID: Identifier, part: UInt32) {
    self.init(source: migrationID, seq: Bulk.migration.rawValue - Int64(part) << Self.partShift)
  }

  private static let partShift: Int64 = 31

  /// The part of a migration that it is, which its name tells; nil for anything else.
  var migrationPart: UInt32? {
    guard seq <= Bulk.migration.rawValue, source != Self.directCalls,
      seq.magnitude & ((1 << Self.partShift) - 1) == 0
    else { return nil }
    return UInt32(exactly: seq.magnitude >> Self.partShift)
  }

  /// The migration that it is a statement of; nil for anything else.
  public var migrationID: Identifier? { migrationPart == nil ? nil : source }

  /// The device of which it is an operation; nil for anything else.
  public var deviceID: Identifier? { seq <= 0 || source == Self.directCalls ? nil : source }

  public static func < (left: StatementID, right: StatementID) -> Bool {
    (left.source, left.seq) < (right.source, right.seq)
  }
}

/// The knowledge of a statement's author: for each source its last known statement.
public struct SeenStatements: Hashable, Sendable {
  /// By ascending source, each once.
  public private(set) var last: [StatementID]
  /// A direct call knows everything at its arrival.
  public let isEverything: Bool

  /// Nothing but the author's own statements.
  public static let nothing = SeenStatements([])
  public static let everything = SeenStatements([], isEverything: true)

  /// Of several statements of one source the last one counts.
  public init(_ statements: [StatementID]) { self.init(statements, isEverything: false) }

  private init(_ statements: [StatementID], isEverything: Bool) {
    self.isEverything = isEverything
    last = []
    guard statements.count > 1 else {
      last = statements
      return
    }
    for id in statements.sorted() {
      if last.last?.source == id.source { last.removeLast() }
      last.append(id)
    }
  }

  /// Whether a statement is known.
  public func covers(_ id: StatementID) -> Bool {
    isEverything || last.contains { $0.source == id.source && id.seq <= $0.seq }
  }

  /// Adds another author's knowledge.
  public mutating func formUnion(_ other: SeenStatements) {
    guard !isEverything, !other.last.isEmpty || other.isEverything else { return }
    self = SeenStatements(last + other.last, isEverything: other.isEverything)
  }

  /// Keeps at most `max` sources.
  mutating func bound(to max: Int) {
    if last.count > max { last.removeFirst(last.count - max) }
  }

  /// Whether everything that `other` names is known.
  func covers(_ other: SeenStatements) -> Bool {
    isEverything || (!other.isEverything && other.last.allSatisfy(covers))
  }
}

/// When a statement was made, and its name: of concurrent statements of one value the one with the
/// greatest stamp wins.
public struct Stamp: Hashable, Comparable, Sendable {
  public var time: HybridTime
  public var id: StatementID

  public init(time: HybridTime, id: StatementID) {
    self.time = time
    self.id = id
  }

  /// The stamp of a habit that a device restated because the server had lost it: every statement is
  /// later, and every author knows it.
  public static let initial = Stamp(time: .zero, id: StatementID(source: StatementID.directCalls, seq: 0))

  public static func < (left: Stamp, right: Stamp) -> Bool { (left.time, left.id) < (right.time, right.id) }
}

/// The author of the statement that is being merged: its stamp and its knowledge.
public struct Author: Sendable {
  public var stamp: Stamp
  public var seen: SeenStatements
  /// The part of `seen` that has not arrived. It recognises a statement that arrives later although
  /// it was known earlier.
  var ahead: SeenStatements

  public var id: StatementID { stamp.id }

  public init(stamp: Stamp, seen: SeenStatements, ahead: SeenStatements = .nothing) {
    self.stamp = stamp
    self.seen = seen
    self.ahead = ahead
  }

  /// Whether the author knows a statement: its own earlier ones always. The parts of a migration,
  /// which come at once, are concurrent: none is earlier than another.
  func covers(_ id: StatementID) -> Bool {
    if id.source == stamp.id.source, id.seq == stamp.id.seq || (stamp.id.seq > 0 && id.seq < stamp.id.seq) {
      return true
    }
    return seen.covers(id) || id == Stamp.initial.id
  }
}
