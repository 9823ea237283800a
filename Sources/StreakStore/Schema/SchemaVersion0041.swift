extension SchemaVersion {
  /// What has changed is found by columns that never change, so that replacing a cell touches no index.
  ///
  /// A cell's present state is either its first one, `version = first_version`, or there is exactly one state in the history with
  /// `next_version = version`.
  static let changesInHistory = SchemaVersion(
    number: 41, name: "changes in history",
    statements: [
      "DROP INDEX cells_by_version",
      // The change that made the cell.
      "ALTER TABLE cells ADD COLUMN first_version bigint",
      // The change that made the state that came next; 0: that was in another account, before an import.
      "ALTER TABLE cell_history ADD COLUMN next_version bigint NOT NULL DEFAULT 0",
      """
      UPDATE cell_history h SET next_version = n.next FROM (
        SELECT s.user_id, s.habit_id, s.day, s.version,
          coalesce(lead(s.version) OVER (PARTITION BY s.user_id, s.habit_id, s.day ORDER BY s.version), c.version) AS next
        FROM cell_history s JOIN cells c USING (user_id, habit_id, day)) n
      -- Imported documents may say 0; a migration could leave two states of one version, of which the first leads nowhere.
      WHERE (h.user_id, h.habit_id, h.day, h.version) = (n.user_id, n.habit_id, n.day, n.version)
        AND n.version > 0 AND n.version < n.next
      """,
      """
      UPDATE cells c SET first_version = coalesce((
        SELECT min(h.version) FROM cell_history h
        WHERE (h.user_id, h.habit_id, h.day) = (c.user_id, c.habit_id, c.day) AND h.version > 0), c.version)
      """,
      "ALTER TABLE cells ALTER COLUMN first_version SET NOT NULL",
      // Only who says `first_version > 0`, which holds for every row, can use it: see SchemaVersion.lookups.
      "CREATE INDEX cells_by_first_version ON cells (user_id, first_version, habit_id, day) WHERE first_version > 0",
      // Nobody looks for the states of one cell.
      "ALTER TABLE cell_history DROP CONSTRAINT cell_history_pkey",
      "ALTER TABLE cell_history ADD PRIMARY KEY (user_id, next_version, habit_id, day, version)",
      // Room for a cell's next state beside it.
      "ALTER TABLE cells SET (fillfactor = 90)",
    ])
}
