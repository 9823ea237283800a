/// A field of a habit that devices edit on their own. The raw value is its place in storage and its
/// number in the schema.
public enum HabitField: Int, CaseIterable, Hashable, Sendable {
  case name = 1
  case description = 2
  case color = 3
  case position = 4
  case archived = 5
}

/// What a person says of a habit.
public struct HabitFields: Hashable, Sendable {
  public var name: String
  public var description: String
  /// 0xRRGGBB.
  public var color: UInt32
  /// Where it stands in the person's own order, from 0.
  public var position: Int32
  public var archived: Bool

  /// Bytes of a description.
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

  /// The field's value as text, which is how conflicts keep it; equal texts mean equal values.
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

  /// Sets a field to what `text(of:)` gave; text that cannot be a value changes nothing.
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
  /// What the statements come to.
  public var fields: HabitFields
  public var createdAt: Instant
  /// The change number of the last change of its fields, its deletion or return.
  public var version: Int64
  /// Deleted: devices do not show it; its days stay in the ledger.
  public var isDeleted: Bool
  /// The change that brought it back from deletion; 0: none. A device that has not received that
  /// change needs all its days again.
  public var returnedVersion: Int64
  /// `HabitStatements.encoded`: few changes of a day look into them.
  public private(set) var encodedStatements: [UInt8]
  /// What the counted days add up to.
  public var summary: StreakSummary
  /// Counted days before the account's first date to which the bound applies.
  public var earlyDays: Int
  /// This id is another name of that habit, for ever: whatever names this one means that one. Nil
  /// for a habit of its own.
  public var aliasOf: Identifier?
  /// The id that the habit had before sessions gave it a smaller one: the ids of its notices are
  /// made with it. Nil: its own.
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

  /// A habit that is made now.
  public init(made fields: HabitFields, createdAt: Instant, version: Int64, stamp: Stamp) {
    self.init(
      fields: fields, createdAt: createdAt, version: version,
      encodedStatements: HabitStatements(fields, stamp).encoded,
      summary: StreakSummary(countedDays: EmptyCollection()))
  }

  /// What was stated about it.
  public var statements: HabitStatements {
    get { HabitStatements(encoded: encodedStatements, fields: fields) }
    set {
      encodedStatements = newValue.encoded
      // Where all fields were stated together, the values lie in `fields` alone.
      fields = newValue.fields(isDeleted: isDeleted)
    }
  }

  /// The latest time among what was stated.
  public var latestTime: HybridTime { statements.latestTime }

  /// Sessions brought it, and nothing of the account has stated a field of it since.
  var isOfSessions: Bool { statements.stamps.allSatisfy { $0.id.migrationID != nil } }

  /// It was deleted once, whether that holds or not.
  public var hasDeletions: Bool {
    !HabitStatements.isPlain(encoded: encodedStatements) && !statements.deletions.isEmpty
  }

  /// What it adds to the digest of the person's visible state, besides its cells.
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
