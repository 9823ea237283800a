-- Timelines with their epochs, and the rows that readiness writes.

-- The timelines of this database, and the epoch that each began.
CREATE TABLE timelines (
  system_identifier bigint NOT NULL,
  timeline bigint NOT NULL,
  epoch bigint NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (system_identifier, timeline));

-- NULL if an administrator has revoked the right to query it.
CREATE FUNCTION present_timeline(OUT system_identifier bigint, OUT timeline bigint) LANGUAGE plpgsql AS $$
BEGIN
  SELECT s.system_identifier INTO present_timeline.system_identifier FROM pg_control_system() AS s;
  -- pg_control_checkpoint lags behind a promotion until the next checkpoint.
  IF NOT pg_is_in_recovery() THEN
    present_timeline.timeline := ('x00000000' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(64)::bigint;
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  present_timeline.system_identifier := NULL;
  present_timeline.timeline := NULL;
END
$$;

-- Every increment of the number draws new bits, and its timeline is recorded.
CREATE FUNCTION begin_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.epoch_bits := ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint;
  EXECUTE format(
    'INSERT INTO %I.timelines (system_identifier, timeline, epoch)
     SELECT p.system_identifier, p.timeline, $1 FROM %I.present_timeline() AS p WHERE p.timeline IS NOT NULL
     ON CONFLICT (system_identifier, timeline) DO UPDATE SET epoch = excluded.epoch, recorded_at = now()',
    TG_TABLE_SCHEMA, TG_TABLE_SCHEMA) USING NEW.epoch;
  RETURN NEW;
END
$$;

CREATE TRIGGER begin_epoch BEFORE UPDATE ON service_state FOR EACH ROW
WHEN (NEW.epoch IS DISTINCT FROM OLD.epoch) EXECUTE FUNCTION begin_epoch();

-- The current epoch. A timeline that is not recorded begins a new one: once, also if several
-- programs see it, since the first holds the row until it has recorded it. Without parameters, so
-- that no caller can raise the epoch at will.
CREATE FUNCTION observe_timeline(OUT present_epoch bigint, OUT present_bits bigint)
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE here record;
BEGIN
  SELECT * INTO here FROM present_timeline();
  IF here.timeline IS NOT NULL AND NOT EXISTS (
    SELECT FROM timelines t WHERE (t.system_identifier, t.timeline) = (here.system_identifier, here.timeline))
  THEN
    PERFORM FROM service_state FOR UPDATE;
    -- Another program may have been first.
    IF NOT EXISTS (
      SELECT FROM timelines t WHERE (t.system_identifier, t.timeline) = (here.system_identifier, here.timeline))
    THEN
      UPDATE service_state SET epoch = greatest(epoch + 1, floor(extract(epoch FROM clock_timestamp()))::bigint);
    END IF;
  END IF;
  SELECT s.epoch, s.epoch_bits INTO present_epoch, present_bits FROM service_state s;
END
$$;

-- pg_temp last: a caller's temporary tables are not taken for the service's.
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION observe_timeline() SET search_path TO %I, pg_temp', current_schema());
END $$;

INSERT INTO timelines (system_identifier, timeline, epoch)
SELECT p.system_identifier, p.timeline, s.epoch FROM present_timeline() AS p, service_state AS s WHERE p.timeline IS NOT NULL;

-- One row for each server process: a probe tests by writing whether the database accepts writes.
-- The padding takes new space on the disk, and is never committed.
CREATE TABLE server_probes (
  server uuid PRIMARY KEY,
  probed_at timestamptz NOT NULL,
  -- Devices watch through this server: the others send it hints of changes.
  watches boolean NOT NULL DEFAULT false,
  padding bytea) WITH (fillfactor = 50);

UPDATE service_state SET epoch_bits = ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint;
