extension SchemaVersion {
  /// A habit's summary also holds the run before the last: whoever is ahead of "today" by a zone may have both alive.
  static let previousRun = SchemaVersion(
    number: 2, name: "previous run",
    statements: [
      """
      ALTER TABLE habits
        ADD COLUMN previous_run_first_day integer NOT NULL DEFAULT 0,
        ADD COLUMN previous_run_last_day integer NOT NULL DEFAULT 0
      """,
      """
      -- Consecutive days have the same difference to their place in the order.
      WITH runs AS (
        SELECT user_id, habit_id, min(day) AS first_day, max(day) AS last_day,
          row_number() OVER (PARTITION BY user_id, habit_id ORDER BY max(day) DESC) AS place
        FROM (
          SELECT user_id, habit_id, day, day - row_number() OVER (PARTITION BY user_id, habit_id ORDER BY day) AS run
          FROM cells WHERE done AND quarantine_reason = 0) counted
        GROUP BY user_id, habit_id, run
      )
      UPDATE habits SET previous_run_first_day = runs.first_day, previous_run_last_day = runs.last_day
      FROM runs
      WHERE runs.place = 2 AND habits.user_id = runs.user_id AND habits.habit_id = runs.habit_id
      """,
    ])
}
