-- What devices sent, and what they are told.

-- The outcome of every operation, for as long as a device may send it again.
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

-- The inbox of devices' queues: operations that broke a rule, whole (NULL: too large, or beyond the
-- person's quota; the device keeps it), so that nothing a person entered vanishes. Also completions
-- whose note was not taken.
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

-- What every device is told until it acknowledges it: conflicts, with the value that lost, and
-- healed streaks.
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
);

CREATE INDEX notices_by_version ON notices (user_id, version);

CREATE TABLE notice_acknowledgements (
  user_id uuid NOT NULL,
  notice_id uuid NOT NULL,
  device_id uuid NOT NULL,
  acknowledged_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, notice_id, device_id)
);
