-- Sessions that became part of accounts.

CREATE TABLE migrations (
  user_id uuid NOT NULL,
  migration_id uuid NOT NULL,
  session_id uuid NOT NULL,
  anchor timestamptz,
  manifest_hash bytea NOT NULL,
  -- The returned MigrationResult.
  result bytea NOT NULL,
  committed_at timestamptz NOT NULL,
  -- The change that stored all of it; a sign-up's is the account's first.
  change_number bigint NOT NULL DEFAULT 1,
  undone_at timestamptz,
  -- The returned UndoMigrationResponse.
  undo_result bytea,
  PRIMARY KEY (user_id, migration_id)
);

-- The inbox of captures: complete entries that broke a rule, so that nothing a person entered is
-- lost.
CREATE TABLE rejected_entries (
  user_id uuid NOT NULL,
  entry_id uuid NOT NULL,
  migration_id uuid,
  -- Its index in the request, from 0.
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
  -- SHA-256 of the note, if the note is not kept because of the quota. Empty otherwise.
  note_hash bytea NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, entry_id)
);
