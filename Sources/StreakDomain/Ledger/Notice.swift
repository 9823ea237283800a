internal import Cryptography

/// A message that every device of a person shows until it acknowledges it: a conflict, or a
/// repaired streak.
public struct Notice: Hashable, Sendable {
  public enum Kind: Int16, Hashable, Sendable, CaseIterable {
    /// Two notes of one day; one was kept.
    case noteConflict = 1
    /// Done on one device, undone on another; done was kept.
    case doneConflict = 2
    /// Two values of a habit's field; one was kept.
    case fieldConflict = 3
    /// Deleted on one device, changed or completed on another; it was kept, archived.
    case deletionConflict = 4
    /// A day that arrived late closed a gap.
    case streakHealed = 5
  }

  /// What the texts of a notice's values stand for. A habit's field is written as
  /// `HabitFields.text(of:)`.
  public enum Form: Sendable {
    /// A note, a name or a description.
    case text
    /// "true" or "false".
    case flag
    /// Decimal digits.
    case number
    /// "archived" and "deleted": there is nothing else that they could be.
    case deletion

    public init(_ kind: Kind, _ field: HabitField?) {
      switch (kind, field) {
      case (.doneConflict, _), (.fieldConflict, .archived): self = .flag
      case (.streakHealed, _), (.fieldConflict, .color), (.fieldConflict, .position): self = .number
      case (.deletionConflict, _): self = .deletion
      case (.noteConflict, _), (.fieldConflict, .name), (.fieldConflict, .description), (.fieldConflict, nil):
        self = .text
      }
    }
  }

  public var kind: Kind
  public var habitID: Identifier
  /// Nil if the notice is about the habit itself.
  public var day: Day?
  /// For a field's conflict.
  public var field: HabitField?
  /// The winning value, as `Form` says; for a repaired streak its length in days.
  public var kept: String
  /// The losing value, as `Form` says; for a repaired streak its length before.
  public var other: String
  /// The device of the losing value.
  public var otherDeviceID: Identifier?
  public var madeAt: Instant
  /// The change number of the last change: of its making or resolution.
  public var version: Int64
  /// A side was chosen, or nothing has to be chosen.
  public var isResolved: Bool

  public init(
    kind: Kind, habitID: Identifier, day: Day? = nil, field: HabitField? = nil, kept: String, other: String,
    otherDeviceID: Identifier?, madeAt: Instant, version: Int64, isResolved: Bool = false
  ) {
    self.kind = kind
    self.habitID = habitID
    self.day = day
    self.field = field
    self.kept = kept
    self.other = other
    self.otherDeviceID = otherDeviceID
    self.madeAt = madeAt
    self.version = version
    self.isResolved = isResolved
  }
}

extension Notice {
  /// The id of the notice that a statement about a day lost. It derives from the statement, so that
  /// it survives a change of epoch.
  static func id(_ kind: Kind, _ key: CellKey, loser: StatementID) -> Identifier {
    id(kind, key.habitID, key.day.number, loser)
  }

  /// The id of the notice that a statement about a habit lost.
  static func id(_ kind: Kind, _ habitID: Identifier, _ field: HabitField? = nil, loser: StatementID) -> Identifier {
    id(kind, habitID, Int32(field?.rawValue ?? 0), loser)
  }

  private static func id(_ kind: Kind, _ habitID: Identifier, _ place: Int32, _ loser: StatementID) -> Identifier {
    var bytes = CanonicalBytes(tag: 4)
    bytes.append(kind.rawValue)
    bytes.append(habitID)
    bytes.append(place)
    bytes.append(loser.source)
    bytes.append(loser.seq)
    let (high, low) = SHA256.leadingNumbers(of: bytes.bytes)
    return Identifier(high: high, low: low)
  }
}
