-- Data of the service's operation: the epoch, erased accounts, backups.

-- One row: values of the database as a whole.
CREATE TABLE service_state (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  -- The epoch of change numbers: the number orders epochs, the bits decide equality.
  epoch bigint NOT NULL,
  epoch_bits bigint NOT NULL DEFAULT 0
);

INSERT INTO service_state (epoch) VALUES (1);

-- One row, made by the first server: the server key, encrypted under a key that is not in the
-- database. From it come the keys of cursors, tokens, counted names and sealed documents.
CREATE TABLE server_key (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  sealed bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT now()
);

-- Every attempt to make a backup, by any process.
CREATE TABLE backup_runs (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  began_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  -- The backup's name; NULL: there is none.
  backup text,
  -- Why there is none, or why it is not verified; NULL: it succeeded.
  failure text
);

-- A schema of its own: it must outlive the tables of the service. Tests share it: ids are random.
CREATE SCHEMA IF NOT EXISTS erasure;

-- Erased accounts. Only a random id remains of a user.
CREATE TABLE IF NOT EXISTS erasure.people (
  user_id uuid PRIMARY KEY,
  erased_at timestamptz NOT NULL
);

-- The sessions that had become part of them: their devices get this reason, and their data cannot
-- return by another sign-up.
CREATE TABLE IF NOT EXISTS erasure.sessions (
  session_id uuid PRIMARY KEY,
  secret_hash bytea NOT NULL,
  user_id uuid NOT NULL
);

-- Checked first: CREATE INDEX locks the table even if the index exists, and other programs may be
-- erasing users by it.
DO $do$ BEGIN
  IF to_regclass('erasure.people_by_time') IS NULL THEN
    CREATE INDEX people_by_time ON erasure.people (erased_at);
    CREATE INDEX sessions_by_person ON erasure.sessions (user_id);
  END IF;
END $do$;
