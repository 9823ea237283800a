-- The ledger: what people did on which day, and the small row that every change of it rewrites.

-- One small row for each person. Its lock is the person's lock: a change of a person's data raises
-- `change_number` in the same statement.
CREATE TABLE heads (
  user_id uuid PRIMARY KEY,
  change_number bigint NOT NULL DEFAULT 0,
  -- Habits that are not deleted.
  habit_count integer NOT NULL DEFAULT 0,
  -- The earliest date anywhere (UTC-12) when the account was made: of earlier days at most 30
  -- count.
  first_day integer NOT NULL,
  -- Of the visible state, as StreakDomain writes it.
  digest bytea NOT NULL DEFAULT '\x00000000000000000000000000000000',
  -- Zones used lately, as StreakDomain writes them: what "today" is follows from them.
  zone_uses bytea NOT NULL DEFAULT '',
  -- How far the statements of each device, migration, import and recovery have come (StreakDomain's
  -- `Sources`): 44 bytes each.
  sources bytea NOT NULL DEFAULT '',
  -- Settings that devices state, as StreakDomain writes them.
  settings bytea NOT NULL DEFAULT '',
  -- What the person's data takes, as StreakDomain writes it (`StorageUse`): about 10 bytes.
  storage_use bytea NOT NULL DEFAULT ''
  -- Updated in place with every change.
) WITH (fillfactor = 70);

CREATE TABLE habits (
  user_id uuid NOT NULL,
  habit_id uuid NOT NULL,
  version bigint NOT NULL,
  -- The change that brought it back from deletion; 0: none.
  returned_version bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  color integer NOT NULL,
  position integer NOT NULL,
  -- A cache of what the ledger's counted days add up to. 0 for "none" in the days.
  total_days integer NOT NULL DEFAULT 0,
  longest_run integer NOT NULL DEFAULT 0,
  last_run_first_day integer NOT NULL DEFAULT 0,
  last_run_last_day integer NOT NULL DEFAULT 0,
  previous_run_first_day integer NOT NULL DEFAULT 0,
  previous_run_last_day integer NOT NULL DEFAULT 0,
  -- Counted days before the account's first day, but for those that counted elsewhere before.
  early_days smallint NOT NULL DEFAULT 0,
  archived boolean NOT NULL,
  is_deleted boolean NOT NULL DEFAULT false,
  name text NOT NULL,
  description text NOT NULL,
  -- What devices stated of its fields and of its deletion (StreakDomain's `HabitStatements`).
  statements bytea NOT NULL DEFAULT '',
  -- The id is another name of that habit. Such a row is deleted, and has no cells.
  alias_of uuid,
  -- The id with which the ids of its notices are made. NULL: its own.
  first_id uuid,
  PRIMARY KEY (user_id, habit_id)
) WITH (fillfactor = 70);

-- While tables are small the planner takes an index by version for as good as the primary key:
-- `user_id` is the first column of both. Only a statement that says `version > 0`, which holds for
-- every row, can use this one.
CREATE INDEX habits_by_version ON habits (user_id, version) WHERE version > 0;

-- What has changed is found by columns that never change, so that replacing a cell touches no
-- index: a cell's present state is either its first one, `version = first_version`, or there is
-- exactly one state in `cell_history` with `next_version = version`.
CREATE TABLE cells (
  user_id uuid NOT NULL,
  habit_id uuid NOT NULL,
  -- The statement that was merged last; where there are no details it is the only one.
  source_id uuid NOT NULL,
  seq bigint NOT NULL,
  -- Its hybrid logical time, 64 bits as they are.
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
  -- All statements, where there are more than one (StreakDomain's `DayStatements`); empty
  -- otherwise, as for most days.
  details bytea NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, habit_id, day)
  -- Room for a cell's next state beside it.
) WITH (fillfactor = 90);

-- Only a statement that says `first_version > 0`, which holds for every row, can use it: see
-- habits_by_version.
CREATE INDEX cells_by_first_version ON cells (user_id, first_version, habit_id, day) WHERE first_version > 0;

-- The states that cells had before their present one.
CREATE TABLE cell_history (
  user_id uuid NOT NULL,
  habit_id uuid NOT NULL,
  source_id uuid NOT NULL,
  seq bigint NOT NULL,
  changed_time bigint NOT NULL,
  version bigint NOT NULL,
  -- The change that made the state that came next; 0: that was in another account, before an
  -- import.
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
  -- SHA-256 of the note, where that is not kept: beyond the person's quota. Empty otherwise.
  note_hash bytea NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, next_version, habit_id, day, version)
);
