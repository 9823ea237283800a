extension SchemaVersion {
  /// Sync: operations with their outcomes, notices, the digest of a person's state, and what tells how far a device has come.
  static let sync = SchemaVersion(
    number: 3, name: "sync",
    statements: [
      """
      ALTER TABLE users
        -- Of the visible state, as StreakDomain writes it.
        ADD COLUMN digest bytea NOT NULL DEFAULT '\\x00000000000000000000000000000000',
        -- Habits that are not deleted.
        ADD COLUMN habit_count integer NOT NULL DEFAULT 0
      """,
      """
      ALTER TABLE habits
        ADD COLUMN is_deleted boolean NOT NULL DEFAULT false,
        -- The change that brought it back from deletion; 0: none.
        ADD COLUMN returned_version bigint NOT NULL DEFAULT 0,
        -- Who changed each field last, and who completed a day last, as StreakStore writes them; empty: the habit's version says.
        ADD COLUMN field_stamps bytea NOT NULL DEFAULT '',
        ADD COLUMN completion_stamps bytea NOT NULL DEFAULT '',
        -- Of all its cells.
        ADD COLUMN cells_digest bytea NOT NULL DEFAULT '\\x00000000000000000000000000000000'
      """,
      // The hybrid logical time of the last change, its 64 bits as they are.
      "ALTER TABLE cells ADD COLUMN changed_time bigint NOT NULL DEFAULT 0",
      "ALTER TABLE cell_history ADD COLUMN changed_time bigint NOT NULL DEFAULT 0",
      // What a pull reads: only what has changed.
      "CREATE INDEX cells_by_version ON cells (user_id, version, habit_id, day)",
      "CREATE INDEX habits_by_version ON habits (user_id, version)",
      """
      ALTER TABLE devices
        -- The last operation whose outcome was forgotten: those after it are in operations.
        ADD COLUMN last_seq bigint NOT NULL DEFAULT 0,
        -- When it last had nothing left to send; NULL: not since it registered.
        ADD COLUMN caught_up_at timestamptz,
        -- The days it has newly claimed since: bits from this day on.
        ADD COLUMN claimed_first_day integer NOT NULL DEFAULT 0,
        ADD COLUMN claimed_days bigint NOT NULL DEFAULT 0
      """,
      """
      -- The outcome of every operation, for as long as a device may send it again.
      CREATE TABLE operations (
        user_id uuid NOT NULL,
        device_id uuid NOT NULL,
        seq bigint NOT NULL,
        -- The first 16 bytes of SHA-256 of the operation.
        payload_hash bytea NOT NULL,
        -- The numbers of StreakDomain's status and the schema's ErrorReason (0: none) and QuarantineReason (0: counted, -1: no completion).
        status smallint NOT NULL,
        reason integer NOT NULL,
        quarantine_reason smallint NOT NULL,
        change_number bigint NOT NULL,
        notice_id uuid,
        decided_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, device_id, seq)
      )
      """,
      "CREATE INDEX operations_by_age ON operations USING brin (decided_at)",
      """
      -- The inbox of devices' queues: operations that broke a rule, whole (NULL: too large), so that nothing a person entered vanishes.
      CREATE TABLE rejected_operations (
        user_id uuid NOT NULL,
        device_id uuid NOT NULL,
        seq bigint NOT NULL,
        -- A streak.v1.Operation.
        operation bytea,
        reason integer NOT NULL,
        rejected_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, device_id, seq)
      )
      """,
      """
      -- What every device is told until it acknowledges it: conflicts, with the value that was not kept, and healed streaks.
      CREATE TABLE notices (
        user_id uuid NOT NULL,
        notice_id uuid NOT NULL,
        -- The number of the schema's NoticeKind and HabitField (0: none).
        kind smallint NOT NULL,
        habit_id uuid NOT NULL,
        -- 0: about the habit as such.
        day integer NOT NULL,
        field smallint NOT NULL,
        kept text NOT NULL,
        other text NOT NULL,
        other_device_id uuid,
        made_at timestamptz NOT NULL,
        version bigint NOT NULL,
        resolved boolean NOT NULL,
        PRIMARY KEY (user_id, notice_id)
      )
      """,
      "CREATE INDEX notices_by_version ON notices (user_id, version)",
      """
      CREATE TABLE notice_acknowledgements (
        user_id uuid NOT NULL,
        notice_id uuid NOT NULL,
        device_id uuid NOT NULL,
        acknowledged_at timestamptz NOT NULL,
        PRIMARY KEY (user_id, notice_id, device_id)
      )
      """,
      """
      -- One row: what holds for the database as a whole.
      CREATE TABLE IF NOT EXISTS service_state (
        is_only_row boolean PRIMARY KEY DEFAULT true CHECK (is_only_row),
        -- Which life of the database change numbers belong to. Every restore to an earlier moment raises it.
        epoch bigint NOT NULL
      )
      """,
      "INSERT INTO service_state (epoch) VALUES (1) ON CONFLICT DO NOTHING",
      // Rows of these are updated in place with every change.
      "ALTER TABLE users SET (fillfactor = 70)",
      "ALTER TABLE devices SET (fillfactor = 80)",
      "ALTER TABLE habits SET (fillfactor = 70)",
      "UPDATE users SET habit_count = (SELECT count(*) FROM habits WHERE habits.user_id = users.user_id)",
      // The digests of what is there: StreakDomain's canonical bytes and sums, written in SQL this once.
      """
      CREATE OR REPLACE FUNCTION pg_temp.half(item bytea, first integer) RETURNS numeric LANGUAGE sql IMMUTABLE AS
      $$ SELECT ('x' || encode(substr(sha256(item), first, 8), 'hex'))::bit(64)::bigint::numeric $$
      """,
      """
      CREATE OR REPLACE FUNCTION pg_temp.sum_bytes(total numeric) RETURNS bytea LANGUAGE sql IMMUTABLE AS
      $$ SELECT int8send((CASE WHEN m >= 9223372036854775808 THEN m - 18446744073709551616 ELSE m END)::bigint)
         FROM (SELECT mod(mod(total, 18446744073709551616) + 18446744073709551616, 18446744073709551616) AS m) AS wrapped $$
      """,
      """
      CREATE TEMPORARY TABLE cell_sums ON COMMIT DROP AS
      SELECT user_id, habit_id, sum(pg_temp.half(item, 1)) AS first, sum(pg_temp.half(item, 9)) AS second
      FROM (
        SELECT user_id, habit_id,
          '\\x02'::bytea || uuid_send(habit_id) || int4send(day) || CASE WHEN done THEN '\\x01'::bytea ELSE '\\x00'::bytea END
          || substr(int4send(quarantine_reason), 4) || int4send(octet_length(note)) || convert_to(note, 'UTF8') AS item
        FROM cells) AS items
      GROUP BY user_id, habit_id
      """,
      """
      UPDATE habits SET cells_digest = pg_temp.sum_bytes(first) || pg_temp.sum_bytes(second)
      FROM cell_sums WHERE habits.user_id = cell_sums.user_id AND habits.habit_id = cell_sums.habit_id
      """,
      """
      UPDATE users SET digest = pg_temp.sum_bytes(first) || pg_temp.sum_bytes(second)
      FROM (
        SELECT user_id, sum(first) AS first, sum(second) AS second
        FROM (
          SELECT user_id, first, second FROM cell_sums
          UNION ALL
          SELECT user_id, pg_temp.half(item, 1), pg_temp.half(item, 9)
          FROM (
            SELECT user_id,
              '\\x01'::bytea || uuid_send(habit_id) || int4send(octet_length(name)) || convert_to(name, 'UTF8')
              || int4send(octet_length(description)) || convert_to(description, 'UTF8') || int4send(color)
              || int4send(position) || CASE WHEN archived THEN '\\x01'::bytea ELSE '\\x00'::bytea END AS item
            FROM habits) AS items) AS parts
        GROUP BY user_id) AS sums
      WHERE users.user_id = sums.user_id
      """,
    ])
}
