extension SchemaVersion {
  /// Migrations into accounts that hold data already, and their undoing.
  static let migrations = SchemaVersion(
    number: 13, name: "migrations",
    statements: [
      """
      ALTER TABLE migrations
        -- What everything of it was stored with; a sign-up's is the account's first.
        ADD COLUMN change_number bigint NOT NULL DEFAULT 1,
        ADD COLUMN undone_at timestamptz,
        -- The UndoMigrationResponse as it was answered.
        ADD COLUMN undo_result bytea
      """,
      // What an undo looks for: little of a ledger came by migration, and of most people's nothing.
      "CREATE INDEX cells_by_migration ON cells (user_id, migration_id) WHERE migration_id IS NOT NULL",
      "CREATE INDEX cell_history_by_migration ON cell_history (user_id, migration_id) WHERE migration_id IS NOT NULL",
    ])
}
