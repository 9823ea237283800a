-- Operations of devices, and their notices.

-- The outcome of every operation, as long as a device may repeat it.
CREATE TABLE operations (
  user_id uuid NOT NULL,
  device_id uuid NOT NULL,
  seq bigint NOT NULL,
  -- The first 16 bytes of SHA-256 of the operation.
  payload_hash bytea NOT NULL,
  -- The numbers of StreakDomain's status and the schema's ErrorReason (0: none) and
  -- QuarantineReason (0: counted, -1: no completion).
  status smallint NOT NULL,
  reason integer NOT NULL,
  quarantine_reason smallint NOT NULL,
  change_number bigint NOT NULL,
  notice_id uuid,
  decided_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, device_id, seq)
);

CREATE INDEX operations_by_age ON operations USING brin (decided_at);

-- The inbox of devices' queues: complete operations that broke a rule (NULL: too large, or beyond
-- the user's quota; the device keeps it), so that nothing a person entered is lost. Also
-- completions whose note was not stored.
CREATE TABLE rejected_operations (
  user_id uuid NOT NULL,
  device_id uuid NOT NULL,
  seq bigint NOT NULL,
  -- A streak.v1.Operation.
  operation bytea,
  reason integer NOT NULL,
  rejected_at timestamptz NOT NULL,
  -- The first 16 bytes of SHA-256 of the operation.
  payload_hash bytea NOT NULL DEFAULT '',
  PRIMARY KEY (user_id, device_id, seq)
);

-- Notices that every device shows until it acknowledges them: conflicts, with the losing value, and
-- repaired streaks.
CREATE TABLE notices (
  user_id uuid NOT NULL,
  notice_id uuid NOT NULL,
  -- The number of the schema's NoticeKind and HabitField (0: none).
  kind smallint NOT NULL,
  habit_id uuid NOT NULL,
  -- 0: about the habit itself.
  day integer NOT NULL,
  field smallint NOT NULL,
  -- As text; empty for a deletion, which has no values.
  winning_value text NOT NULL,
  losing_value text NOT NULL,
  losing_device_id uuid,
  made_at timestamptz NOT NULL,
  version bigint NOT NULL,
  resolved boolean NOT NULL,
  PRIMARY KEY (user_id, notice_id)
);

CREATE INDEX notices_by_version ON notices (user_id, version);

CREATE TABLE notice_acknowledgements (
  user_id uuid NOT NULL,
  notice_id uuid NOT NULL,
  device_id uuid NOT NULL,
  acknowledged_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, notice_id, device_id)
);
