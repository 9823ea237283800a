-- What the operators' side keeps: the epoch, erased accounts, backups.

-- One row: what holds for the database as a whole.
CREATE TABLE service_state (
  is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
  -- Which life of the database change numbers belong to: the number orders epochs, the bits decide
  -- equality.
  epoch bigint NOT NULL,
  epoch_bits bigint NOT NULL DEFAULT 0
);

INSERT INTO service_state (epoch) VALUES (1);

-- One row: cursors and tokens are authenticated with it.
CREATE TABLE server_secret (secret bytea PRIMARY KEY);

INSERT INTO server_secret
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

-- Every attempt of a backup, by any process.
CREATE TABLE backup_runs (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  began_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  -- The backup's name; NULL: there is none.
  backup text,
  -- Why there is none, or why it is not verified; NULL: all went well.
  failure text
);

-- A schema of its own: it outlives whatever happens to the tables of the service. Tests share it:
-- ids are random.
CREATE SCHEMA IF NOT EXISTS erasure;

-- Accounts that were erased. No more than a random id is left of a person.
CREATE TABLE IF NOT EXISTS erasure.people (
  user_id uuid PRIMARY KEY,
  erased_at timestamptz NOT NULL
);

-- The sessions that had become part of them: their devices are told so, and their data does not
-- come back by another sign-up.
CREATE TABLE IF NOT EXISTS erasure.sessions (
  session_id uuid PRIMARY KEY,
  secret_hash bytea NOT NULL,
  user_id uuid NOT NULL
);

-- Asked first: CREATE INDEX locks the table even if the index is there, and others may be erasing
-- people by it.
DO $do$ BEGIN
  IF to_regclass('erasure.people_by_time') IS NULL THEN
    CREATE INDEX people_by_time ON erasure.people (erased_at);
    CREATE INDEX sessions_by_person ON erasure.sessions (user_id);
  END IF;
END $do$;
