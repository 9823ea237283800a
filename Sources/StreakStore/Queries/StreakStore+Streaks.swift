internal import Postgres
public import StreakDomain

/// Identifies a habit of a user.
struct HabitKey: Sendable, Hashable {
  var userID: Identifier
  var habitID: Identifier
}

extension StreakStore {
  /// Most reads in one statement.
  static let setReadCountMax = 256

  fileprivate static let streakHabit = Selection([.habitID, .archived, .position] + HabitColumn.summary)
  fileprivate static let streakHead = Selection([HeadColumn.zoneUses], from: streakHabit.end)
  private static let streakColumns = "\(streakHabit.list(of: "h")), \(streakHead.list(of: "u"))"

  private static let streak = Statement(
    .read,
    """
    SELECT \(streakColumns) FROM habits h JOIN heads u ON u.user_id = h.user_id WHERE h.user_id = $1 AND h.habit_id = $2 AND NOT h.is_deleted
    """)

  // The lateral look-ups make the planner use two index probes per row, whatever its estimate of
  // the tables' sizes.
  private static let streakSet = Statement(
    .read,
    """
    SELECT \(streakColumns), wanted.place
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY wanted (user_id, habit_id, place)
      CROSS JOIN LATERAL (
        SELECT * FROM habits WHERE habits.user_id = wanted.user_id AND habits.habit_id = wanted.habit_id AND NOT is_deleted LIMIT 1) h
      CROSS JOIN LATERAL (SELECT zone_uses FROM heads WHERE heads.user_id = wanted.user_id LIMIT 1) u
    """)

  private static let listStreaks = Statement(
    .read,
    """
    SELECT \(streakColumns) FROM habits h JOIN heads u ON u.user_id = h.user_id
    WHERE h.user_id = $1 AND NOT h.is_deleted AND ($2 OR NOT h.archived) AND (h.position, h.habit_id) > ($3, $4)
    ORDER BY h.position, h.habit_id LIMIT $5
    """)

  private static let alias = Statement(
    .read, "SELECT alias_of FROM habits WHERE user_id = $1 AND habit_id = $2 AND alias_of IS NOT NULL")

  /// A habit's streak, by its current id or a former one; nil if the user has no such habit.
  public func streak(of userID: Identifier, habitID: Identifier) async throws(StoreError) -> HabitStreak? {
    let found = try await streakBatcher.response(to: HabitKey(userID: userID, habitID: habitID))
    if let found { return found }
    let present = try await database.row(Self.alias, .identifier(userID), .identifier(habitID)) {
      row throws(DatabaseError) in try row.identifier(0)
    }
    guard let present else { return nil }
    return try await streakBatcher.response(to: HabitKey(userID: userID, habitID: present))
  }

  /// Streaks in the order of the habits, after a place in it.
  public func streaks(
    of userID: Identifier, includingArchived: Bool, after place: HabitPlace, countMax: Int32
  ) async throws(StoreError) -> [HabitStreak] {
    try await database.rows(
      Self.listStreaks, .identifier(userID), .bool(includingArchived), .int32(place.position),
      .identifier(place.habitID), .int32(countMax)
    ) { row throws(DatabaseError) in try row.streak() }
  }

  /// Reads a batch: a single key by the plain statement, several by one statement for all.
  static func readStreaks(_ keys: [HabitKey], _ database: Database) async -> Result<[HabitStreak?], StoreError> {
    do throws(StoreError) {
      if let key = keys.first, keys.count == 1 {
        let streak = try await database.row(Self.streak, .identifier(key.userID), .identifier(key.habitID)) {
          row throws(DatabaseError) in try row.streak()
        }
        return .success([streak])
      }
      var streaks = [HabitStreak?](repeating: nil, count: keys.count)
      let found = try await database.rows(
        streakSet, .identifiers(keys.map(\.userID)), .identifiers(keys.map(\.habitID))
      ) { row throws(DatabaseError) in (place: Int(try row.int64(streakHead.end)), streak: try row.streak()) }
      for (place, streak) in found where (1...keys.count).contains(place) { streaks[place - 1] = streak }
      return .success(streaks)
    } catch {
      return .failure(error)
    }
  }
}

extension Row {
  /// The columns of the statements above.
  fileprivate func streak() throws(DatabaseError) -> HabitStreak {
    let (habit, head) = (StreakStore.streakHabit, StreakStore.streakHead)
    return HabitStreak(
      habitID: try identifier(habit[.habitID]), summary: try summary(habit),
      zones: RecentTimeZones(encoded: try bytes(head[.zoneUses])), archived: try bool(habit[.archived]),
      position: try int32(habit[.position]))
  }
}
