internal import Postgres
public import struct StreakDomain.Identifier

/// What storing a habit came to.
public enum PutHabitOutcome: Sendable, Equatable {
  /// The habit as it is now stored.
  case stored(HabitRecord)
  /// The person has as many habits as one may have.
  case limitReached
}

extension StreakStore {
  private static let habitForPut = Statement(
    .read,
    """
    SELECT u.change_number, (SELECT count(*)::integer FROM habits WHERE user_id = $1),
      h.habit_id, h.name, h.description, h.color, h.position, h.archived, h.version, h.created_at
    FROM users u LEFT JOIN habits h ON h.user_id = u.user_id AND h.habit_id = $2
    WHERE u.user_id = $1
    """)

  private static let storeHabit = Statement(
    .write,
    """
    WITH changed AS (
      UPDATE users SET change_number = change_number + 1 WHERE user_id = $1 AND change_number = $2
      RETURNING user_id, change_number
    )
    INSERT INTO habits (user_id, habit_id, name, description, color, position, archived, version, created_at)
    SELECT user_id, $3, $4, $5, $6, $7, $8, change_number, $9 FROM changed
    ON CONFLICT (user_id, habit_id) DO UPDATE SET
      name = excluded.name, description = excluded.description, color = excluded.color,
      position = excluded.position, archived = excluded.archived, version = excluded.version
    """)

  /// Makes a habit or replaces its fields; a habit that is already so is left untouched. `version` and `createdAt` of `wanted` are
  /// what a new habit gets (the version is the store's to give).
  public func putHabit(_ wanted: HabitRecord, of userID: Identifier) async throws(StoreError) -> PutHabitOutcome {
    try await change(userID) { runner throws(StoreError) in
      let state = try await runner.row(Self.habitForPut, .identifier(userID), .identifier(wanted.habitID)) {
        row throws(DatabaseError) in
        (
          changeNumber: try row.int64(0), habitCount: Int(try row.int32(1)),
          stored: try row.identifierOrNull(2) == nil ? nil : try row.habit(from: 2)
        )
      }
      guard let state else { throw .noSuchUser }
      var habit = wanted
      if let stored = state.stored {
        habit.createdAt = stored.createdAt
        habit.version = stored.version
        if habit == stored { return .stored(stored) }
      } else if state.habitCount >= limits.habitsPerPersonMax {
        return .limitReached
      }
      habit.version = state.changeNumber + 1
      let changed = try await runner.execute(
        Self.storeHabit, .identifier(userID), .int64(state.changeNumber), .identifier(habit.habitID),
        .string(habit.name), .string(habit.description), .int32(habit.color), .int32(habit.position),
        .bool(habit.archived), .moment(habit.createdAt))
      return changed == 1 ? .stored(habit) : nil
    }
  }

  private static let listHabits = Statement(
    .read,
    """
    SELECT habit_id, name, description, color, position, archived, version, created_at FROM habits
    WHERE user_id = $1 AND ($2 OR NOT archived) AND (position, habit_id) > ($3, $4)
    ORDER BY position, habit_id LIMIT $5
    """)

  /// Habits by position, then id, after a place in that order.
  public func habits(
    of userID: Identifier, includingArchived: Bool, after place: HabitPlace, countMax: Int32
  ) async throws(StoreError) -> [HabitRecord] {
    try await database.rows(
      Self.listHabits, .identifier(userID), .bool(includingArchived), .int32(place.position),
      .identifier(place.habitID), .int32(countMax)
    ) { row throws(DatabaseError) in try row.habit(from: 0) }
  }

  private static let habitCount = Statement(.read, "SELECT count(*)::integer FROM habits WHERE user_id = $1")

  /// Number of a person's habits, archived ones included.
  public func habitCount(of userID: Identifier) async throws(StoreError) -> Int32 {
    try await database.row(Self.habitCount, .identifier(userID)) { row throws(DatabaseError) in try row.int32(0) } ?? 0
  }
}

/// A place in the order of a person's habits. A page begins after one.
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
