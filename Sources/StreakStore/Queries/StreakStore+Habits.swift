internal import Postgres
public import struct StreakDomain.HabitEntry
public import struct StreakDomain.Identifier

extension StreakStore {
  private static let entry = Selection(HabitColumn.entry)
  private static let listHabits = Statement(
    .read,
    """
    SELECT \(entry.list()) FROM habits
    WHERE user_id = $1 AND NOT is_deleted AND ($2 OR NOT archived) AND (position, habit_id) > ($3, $4)
    ORDER BY position, habit_id LIMIT $5
    """)

  /// Habits by position, then id, after a place in that order.
  public func habits(
    of userID: Identifier, includingArchived: Bool, after place: HabitPlace, countMax: Int32
  ) async throws(StoreError) -> [HabitEntry] {
    try await database.rows(
      Self.listHabits, .identifier(userID), .bool(includingArchived), .int32(place.position),
      .identifier(place.habitID), .int32(countMax)
    ) { row throws(DatabaseError) in try row.habitEntry(Self.entry) }
  }

  private static let habitCount = Statement(.read, "SELECT habit_count FROM heads WHERE user_id = $1")

  /// Number of a user's habits, archived ones included.
  public func habitCount(of userID: Identifier) async throws(StoreError) -> Int32 {
    try await database.row(Self.habitCount, .identifier(userID)) { row throws(DatabaseError) in try row.int32(0) } ?? 0
  }
}

/// A place in the order of a user's habits. A page begins after one.
public struct HabitPlace: Sendable, Equatable {
  public var position: Int32
  public var habitID: Identifier

  /// Before every habit: positions are never negative.
  public static let start = HabitPlace(position: -1, habitID: .zero)

  public init(position: Int32, habitID: Identifier) {
    self.position = position
    self.habitID = habitID
  }
}
