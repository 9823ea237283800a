/// The data that determines a habit's streak.
public struct HabitStreak: Sendable, Equatable {
  public var habitID: Identifier
  public var summary: StreakSummary
  /// The person's time zones, which give today's date.
  public var zones: RecentTimeZones
  public var archived: Bool
  /// The habit's position in the person's own order.
  public var position: Int32

  public init(
    habitID: Identifier, summary: StreakSummary, zones: RecentTimeZones, archived: Bool, position: Int32
  ) {
    self.habitID = habitID
    self.summary = summary
    self.zones = zones
    self.archived = archived
    self.position = position
  }
}
