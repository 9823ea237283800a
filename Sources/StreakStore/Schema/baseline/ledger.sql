-- The ledger: users' days, and the small row that every change rewrites.

-- One small row for each user. Its lock is the user's lock: a change of a user's data raises
-- `change_number` in the same statement.
CREATE TABLE heads (
  user_id uuid PRIMARY KEY,
  change_number bigint NOT NULL DEFAULT 0,
  -- Habits that are not deleted.
  habit_count integer NOT NULL DEFAULT 0,
  -- The earliest date anywhere (UTC-12) when the account was made: of earlier days at most 30
  -- count.
  first_day integer NOT NULL,
  -- The digest of the visible state, as StreakDomain encodes it.
  digest bytea NOT NULL DEFAULT '\x00000000000000000000000000000000',
  -- Recently used zones, as StreakDomain encodes them; they determine "today".
  zone_uses bytea NOT NULL DEFAULT '',
  -- The last statement of each device, migration, import and recovery (StreakDomain's `Sources`):
  -- 44 bytes each.
  sources bytea NOT NULL DEFAULT '',
  -- Settings that devices state, as StreakDomain encodes them.
  settings bytea NOT NULL DEFAULT '',
  -- The user's storage use, as StreakDomain encodes it (`StorageUse`): about 10 bytes.
  storage_use bytea NOT NULL DEFAULT ''
  -- Updated in place with every change.
) WITH (fillfactor = 70);

CREATE TABLE habits (
  user_id uuid NOT NULL,
  habit_id uuid NOT NULL,
  version bigint NOT NULL,
  -- The change that restored it after a deletion; 0: none.
  returned_version bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  color integer NOT NULL,
  position integer NOT NULL,
  -- A cache of the sums of the ledger's counted days. 0 for "none" in the days.
  total_days integer NOT NULL DEFAULT 0,
  longest_run integer NOT NULL DEFAULT 0,
  last_run_first_day integer NOT NULL DEFAULT 0,
  last_run_last_day integer NOT NULL DEFAULT 0,
  previous_run_first_day integer NOT NULL DEFAULT 0,
  previous_run_last_day integer NOT NULL DEFAULT 0,
  -- Counted days before the account's first day, without those that counted elsewhere before.
  early_days smallint NOT NULL DEFAULT 0,
  archived boolean NOT NULL,
  is_deleted boolean NOT NULL DEFAULT false,
  name text NOT NULL,
  description text NOT NULL,
  -- The statements about its fields and its deletion (StreakDomain's `HabitStatements`).
  statements bytea NOT NULL DEFAULT '',
  -- The id is an alias of that habit. Such a row is deleted, and has no cells.
  alias_of uuid,
  -- The id from which the ids of its notices derive. NULL: its own.
  first_id uuid,
  PRIMARY KEY (user_id, habit_id)
) WITH (fillfactor = 70);

-- While tables are small the planner considers an index by version as good as the primary key:
-- `user_id` is the first column of both. Only a statement with `version > 0`, which holds for every
-- row, can use this one.
CREATE INDEX habits_by_version ON habits (user_id, version) WHERE version > 0;

-- Changes are found by columns that never change, so that replacing a cell touches no index: a
-- cell's current state is either its first one, `version = first_version`, or there is exactly one
-- state in `cell_history` with `next_version = version`. Where the quota keeps no such state, the
-- version becomes the first one.
CREATE TABLE cells (
  user_id uuid NOT NULL,
  habit_id uuid NOT NULL,
  -- The statement that was merged last; without details it is the only one.
  source_id uuid NOT NULL,
  seq bigint NOT NULL,
  -- Its hybrid logical time, the 64 bits unchanged.
  changed_time bigint NOT NULL,
  version bigint NOT NULL,
  -- The change that made the cell.
  first_version bigint NOT NULL,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  day integer NOT NULL,
  utc_offset_seconds integer NOT NULL,
  day_start_minutes smallint NOT NULL,
  -- 0: counted; otherwise the number of the schema's QuarantineReason.
  quarantine_reason smallint NOT NULL,
  done boolean NOT NULL,
  note text NOT NULL,
  zone text NOT NULL,
  -- All statements, if there are more than one (StreakDomain's `DayStatements`); empty otherwise,
  -- as for most days.
  details bytea NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, habit_id, day)
  -- Room for a cell's next state beside it.
) WITH (fillfactor = 90);

-- Only a statement with `first_version > 0`, which holds for every row, can use it: see
-- habits_by_version.
CREATE INDEX cells_by_first_version ON cells (user_id, first_version, habit_id, day) WHERE first_version > 0;

-- Earlier states of cells.
CREATE TABLE cell_history (
  user_id uuid NOT NULL,
  habit_id uuid NOT NULL,
  source_id uuid NOT NULL,
  seq bigint NOT NULL,
  changed_time bigint NOT NULL,
  version bigint NOT NULL,
  -- The change that made the next state; 0: it was made in another account, before an import.
  next_version bigint NOT NULL DEFAULT 0,
  occurred_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  day integer NOT NULL,
  utc_offset_seconds integer NOT NULL,
  day_start_minutes smallint NOT NULL,
  quarantine_reason smallint NOT NULL,
  done boolean NOT NULL,
  note text NOT NULL,
  zone text NOT NULL,
  details bytea NOT NULL DEFAULT '',
  -- SHA-256 of the note, if the note is not kept because of the quota. Empty otherwise.
  note_hash bytea NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, next_version, habit_id, day, version)
);
