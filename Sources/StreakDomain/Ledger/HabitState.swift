/// A field of a habit that devices edit on their own. The raw value is its place in storage and its
/// number in the schema.
public enum HabitField: Int, CaseIterable, Hashable, Sendable {
  case name = 1
  case description = 2
  case color = 3
  case position = 4
  case archived = 5
}

/// The fields of a habit that a person edits.
public struct HabitFields: Hashable, Sendable {
  public var name: String
  public var description: String
  /// 0xRRGGBB.
  public var color: UInt32
  /// The position in the person's own order, from 0.
  public var position: Int32
  public var archived: Bool

  /// Most bytes of a description.
  public static let descriptionBytesMax = 2_048
  public static let colorMax: UInt32 = 0xFF_FFFF
  public static let positionMax: Int32 = 1_000_000

  public init(
    name: String, description: String = "", color: UInt32 = 0, position: Int32 = 0, archived: Bool = false
  ) {
    self.name = name
    self.description = description
    self.color = color
    self.position = position
    self.archived = archived
  }

  /// Whether each field can be stored.
  public var isValid: Bool {
    HabitName.isValid(name) && description.utf8.count <= Self.descriptionBytesMax && color <= Self.colorMax
      && (0...Self.positionMax).contains(position)
  }

  /// The field's value as text, the form in conflicts; equal texts mean equal values.
  public func text(of field: HabitField) -> String {
    switch field {
    case .name: name
    case .description: description
    case .color: String(color)
    case .position: String(position)
    case .archived: String(archived)
    }
  }

  /// Takes one field's value from another.
  mutating func take(_ field: HabitField, from other: HabitFields) {
    switch field {
    case .name: name = other.name
    case .description: description = other.description
    case .color: color = other.color
    case .position: position = other.position
    case .archived: archived = other.archived
    }
  }

  /// Sets a field from the text of `text(of:)`; invalid text changes nothing.
  public mutating func set(_ field: HabitField, text: String) {
    switch field {
    case .name: name = text
    case .description: description = text
    case .color: color = UInt32(text) ?? color
    case .position: position = Int32(text) ?? position
    case .archived: archived = Bool(text) ?? archived
    }
  }
}

/// A habit as the server holds it.
public struct HabitState: Equatable, Sendable {
  /// The result of the statements.
  public var fields: HabitFields
  public var createdAt: Instant
  /// The change number of the last change of its fields, or of its deletion or return.
  public var version: Int64
  /// Deleted: devices do not show it; its days stay in the ledger.
  public var isDeleted: Bool
  /// The change that restored it after a deletion; 0: none. A device that has not received that
  /// change needs all its days again.
  public var returnedVersion: Int64
  /// `HabitStatements.encoded`: decoded lazily, since few changes of a day need them.
  public private(set) var encodedStatements: [UInt8]
  /// The sums of the counted days.
  public var summary: StreakSummary
  /// Counted days before the account's first date to which the bound applies.
  public var earlyDays: Int
  /// This id is an alias of that habit, for ever. Nil for a habit of its own.
  public var aliasOf: Identifier?
  /// The id that the habit had before sessions gave it a smaller one: the ids of its notices derive
  /// from it. Nil: its own.
  public var firstID: Identifier?

  public init(
    fields: HabitFields, createdAt: Instant, version: Int64, isDeleted: Bool = false,
    returnedVersion: Int64 = 0, encodedStatements: [UInt8], summary: StreakSummary, earlyDays: Int = 0,
    aliasOf: Identifier? = nil, firstID: Identifier? = nil
  ) {
    self.fields = fields
    self.createdAt = createdAt
    self.version = version
    self.isDeleted = isDeleted
    self.returnedVersion = returnedVersion
    self.encodedStatements = encodedStatements
    self.summary = summary
    self.earlyDays = earlyDays
    self.aliasOf = aliasOf
    self.firstID = firstID
  }

  /// A new habit.
  public init(new fields: HabitFields, createdAt: Instant, version: Int64, stamp: Stamp) {
    self.init(
      fields: fields, createdAt: createdAt, version: version,
      encodedStatements: HabitStatements(fields, stamp).encoded,
      summary: StreakSummary(countedDays: EmptyCollection()))
  }

  /// All statements about it.
  public var statements: HabitStatements {
    get { HabitStatements(encoded: encodedStatements, fields: fields) }
    set {
      encodedStatements = newValue.encoded
      // If all fields were stated together, only `fields` holds the values.
      fields = newValue.fields(isDeleted: isDeleted)
    }
  }

  /// The latest time among what was stated.
  public var latestTime: HybridTime { statements.latestTime }

  /// It came from sessions, and the account has stated none of its fields since.
  var isOfSessions: Bool { statements.stamps.allSatisfy { $0.id.migrationID != nil } }

  /// It was deleted at some time, with or without effect.
  public var hasDeletions: Bool {
    !HabitStatements.isPlain(encoded: encodedStatements) && !statements.deletions.isEmpty
  }

  /// Its part of the digest of the person's visible state, without its cells.
  func digest(habitID: Identifier) -> StateDigest {
    isDeleted ? .empty : Self.itemDigest(habitID: habitID, fields)
  }

  /// The digest of the habit itself, without its cells.
  public static func itemDigest(habitID: Identifier, _ fields: HabitFields) -> StateDigest {
    var bytes = CanonicalBytes(tag: 1)
    bytes.append(habitID)
    bytes.append(fields.name)
    bytes.append(fields.description)
    bytes.append(fields.color)
    bytes.append(fields.position)
    bytes.append(fields.archived)
    return StateDigest(ofItem: bytes.bytes)
  }
}
