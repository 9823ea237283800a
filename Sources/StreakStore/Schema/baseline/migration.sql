-- Sessions that became part of accounts.

CREATE TABLE migrations (
  user_id uuid NOT NULL,
  migration_id uuid NOT NULL,
  session_id uuid NOT NULL,
  anchor timestamptz,
  manifest_hash bytea NOT NULL,
  -- The MigrationResult as it was answered.
  result bytea NOT NULL,
  committed_at timestamptz NOT NULL,
  -- What everything of it was stored with; a sign-up's is the account's first.
  change_number bigint NOT NULL DEFAULT 1,
  undone_at timestamptz,
  -- The UndoMigrationResponse as it was answered.
  undo_result bytea,
  PRIMARY KEY (user_id, migration_id)
);

-- The inbox of captures: entries that broke a rule, whole, so that nothing a person entered
-- vanishes.
CREATE TABLE rejected_entries (
  user_id uuid NOT NULL,
  entry_id uuid NOT NULL,
  migration_id uuid,
  -- Where it stood in the request, from 0.
  entry_index integer NOT NULL,
  habit_id uuid NOT NULL,
  day integer NOT NULL,
  done boolean NOT NULL,
  note text NOT NULL,
  occurred_at timestamptz NOT NULL,
  zone text NOT NULL,
  utc_offset_seconds integer NOT NULL,
  day_start_minutes integer NOT NULL,
  -- The number of the schema's ErrorReason.
  reason integer NOT NULL,
  rejected_at timestamptz NOT NULL,
  -- SHA-256 of the note, where that is not kept: beyond the person's quota. Empty otherwise.
  note_hash bytea NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, entry_id)
);
