public import struct StreakDomain.Identifier

/// A habit as stored, without its streak.
public struct HabitRecord: Sendable, Equatable {
  public var habitID: Identifier
  public var name: String
  public var description: String
  /// 0xRRGGBB.
  public var color: Int32
  public var position: Int32
  public var archived: Bool
  /// The change number of its last change.
  public var version: Int64
  public var createdAt: Moment

  public init(
    habitID: Identifier, name: String, description: String, color: Int32, position: Int32, archived: Bool,
    version: Int64, createdAt: Moment
  ) {
    self.habitID = habitID
    self.name = name
    self.description = description
    self.color = color
    self.position = position
    self.archived = archived
    self.version = version
    self.createdAt = createdAt
  }
}
