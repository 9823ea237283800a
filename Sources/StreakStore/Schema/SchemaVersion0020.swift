extension SchemaVersion {
  /// What the operators' side keeps: the epoch, who was erased, and when backups were made.
  static let serviceState = SchemaVersion(
    number: 20, name: "service state",
    statements: [
      """
      -- One row for the whole service.
      CREATE TABLE service_state (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        -- Part of every cursor that devices hold. Rises when the database goes back to an earlier state.
        epoch bigint NOT NULL DEFAULT 1
      )
      """,
      "INSERT INTO service_state DEFAULT VALUES",
      """
      -- Every attempt of a backup, by whichever process.
      CREATE TABLE backup_runs (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        began_at timestamptz NOT NULL,
        ended_at timestamptz NOT NULL,
        -- The backup's name; NULL: there is none.
        backup text,
        -- Why there is none, or why it is not verified; NULL: all went well.
        failure text
      )
      """,
      // A schema of its own: it outlives whatever happens to the tables of the service. Tests share it: ids are random.
      "CREATE SCHEMA IF NOT EXISTS erasure",
      """
      -- Accounts that were erased. No more than a random id is left of a person.
      CREATE TABLE IF NOT EXISTS erasure.people (
        user_id uuid PRIMARY KEY,
        erased_at timestamptz NOT NULL
      )
      """,
      """
      -- The sessions that had become part of them: their devices are told so, and their data does not come back by another sign-up.
      CREATE TABLE IF NOT EXISTS erasure.sessions (
        session_id uuid PRIMARY KEY,
        secret_hash bytea NOT NULL,
        user_id uuid NOT NULL
      )
      """,
      "CREATE INDEX IF NOT EXISTS people_by_time ON erasure.people (erased_at)",
      "CREATE INDEX IF NOT EXISTS sessions_by_person ON erasure.sessions (user_id)",
    ])
}
