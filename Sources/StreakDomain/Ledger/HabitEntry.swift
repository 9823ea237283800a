/// A habit in a person's ledger, without the results of its days.
public struct HabitEntry: Equatable, Sendable {
  public var id: Identifier
  public var fields: HabitFields
  public var createdAt: Instant
  /// The change number of its last change.
  public var version: Int64
  /// Devices hide the habit.
  public var isDeleted: Bool
  /// The id is an alias of that habit.
  public var aliasOf: Identifier?

  public init(
    id: Identifier, fields: HabitFields, createdAt: Instant, version: Int64 = 0, isDeleted: Bool = false,
    aliasOf: Identifier? = nil
  ) {
    self.id = id
    self.fields = fields
    self.createdAt = createdAt
    self.version = version
    self.isDeleted = isDeleted
    self.aliasOf = aliasOf
  }
}
