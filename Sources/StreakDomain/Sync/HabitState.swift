/// A field of a habit that devices edit on their own. The raw value is its place in storage and its number in the schema.
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
  mutating func set(_ field: HabitField, text: String) {
    switch field {
    case .name: name = text
    case .description: description = text
    case .color: color = UInt32(text) ?? color
    case .position: position = Int32(text) ?? position
    case .archived: archived = Bool(text) ?? archived
    }
  }
}

/// Who changed something last, and when.
public struct Stamp: Hashable, Sendable {
  /// The change number of that change.
  public var version: Int64
  /// By which concurrent changes are ordered.
  public var time: HybridTime
  /// Nil: no device of the person, such as a migration.
  public var deviceID: Identifier?

  public init(version: Int64, time: HybridTime, deviceID: Identifier?) {
    self.version = version
    self.time = time
    self.deviceID = deviceID
  }

  /// Whether an author knew of this change.
  func isSeen(by author: Author) -> Bool { version <= author.seenChangeNumber || isOwn(author) }

  private func isOwn(_ author: Author) -> Bool { deviceID != nil && deviceID == author.deviceID }

  /// Whether a concurrent change at `time` by `author` wins: the later time, then the greater device.
  func loses(to author: Author) -> Bool {
    (time, deviceID ?? .zero) < (author.time, author.deviceID ?? .zero)
  }
}

/// On whose behalf a change is decided.
struct Author {
  let deviceID: Identifier?
  /// Ordered by this.
  let time: HybridTime
  /// The last change it had seen.
  let seenChangeNumber: Int64
}

/// A habit as the server holds it.
public struct HabitState: Equatable, Sendable {
  public var fields: HabitFields
  public var createdAtMilliseconds: Int64
  /// The change number of the last change of its fields, its deletion or return.
  public var version: Int64
  /// Deleted: devices do not show it; its days stay in the ledger.
  public var isDeleted: Bool
  /// The change that brought it back from deletion; 0: none. Whoever has not seen it needs all its days again.
  public var returnedVersion: Int64
  /// By `HabitField`, in the order of the cases.
  public var stamps: [Stamp]
  /// Who completed a day last: the last completion, and the last by another device than that one's.
  public var completions: [Stamp]
  /// What the counted days add up to.
  public var summary: StreakSummary

  public init(
    fields: HabitFields, createdAtMilliseconds: Int64, version: Int64, isDeleted: Bool = false,
    returnedVersion: Int64 = 0, stamps: [Stamp], completions: [Stamp] = [], summary: StreakSummary
  ) {
    self.fields = fields
    self.createdAtMilliseconds = createdAtMilliseconds
    self.version = version
    self.isDeleted = isDeleted
    self.returnedVersion = returnedVersion
    self.stamps = stamps
    self.completions = completions
    self.summary = summary
  }

  /// A habit that is made now.
  public init(made fields: HabitFields, createdAtMilliseconds: Int64, stamp: Stamp) {
    self.init(
      fields: fields, createdAtMilliseconds: createdAtMilliseconds, version: stamp.version,
      stamps: HabitField.allCases.map { _ in stamp }, summary: StreakSummary(countedDays: EmptyCollection()))
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

  /// A change of it that the author had not seen: of a field, or a completed day.
  func hasUnseenChange(by author: Author) -> Bool {
    stamps.contains { !$0.isSeen(by: author) } || completions.contains { !$0.isSeen(by: author) }
  }

  /// Notes a completed day.
  mutating func noteCompletion(_ stamp: Stamp) {
    let other = completions.first { $0.deviceID != stamp.deviceID }
    completions = [stamp] + (other.map { [$0] } ?? [])
  }
}
