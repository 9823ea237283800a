extension SchemaVersion {
  /// Who looks for one cell or habit does not walk through all of a person's.
  ///
  /// While the tables are small, or with a person's first cell, the planner takes an index by version for as good as the primary key: `user_id` is
  /// the first column of both. So only who says `version > 0`, which holds for every row, can use these.
  static let lookups = SchemaVersion(
    number: 40, name: "lookups",
    statements: [
      "DROP INDEX cells_by_version",
      "CREATE INDEX cells_by_version ON cells (user_id, version, habit_id, day) WHERE version > 0",
      "DROP INDEX habits_by_version",
      "CREATE INDEX habits_by_version ON habits (user_id, version) WHERE version > 0",
    ])
}
