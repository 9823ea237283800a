-- The audit trail: one hash chain per person.

-- The end of each user's chain of audit events.
CREATE TABLE audit_heads (
  user_id uuid PRIMARY KEY,
  -- The number of the last event.
  number bigint NOT NULL,
  -- Its hash; 32 zero bytes before the first.
  hash bytea NOT NULL,
  -- The size of the events that are kept, each with audit_event_overhead.
  bytes bigint NOT NULL DEFAULT 0,
  -- The number and hash of the last event that is not kept any more: the chain that remains begins
  -- there.
  base_number bigint NOT NULL DEFAULT 0,
  base_hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
);

-- user_id is all zeros, and the number 0, for attempts without an account: an unknown email, a
-- session's start, a call that ends after its account's erasure.
CREATE TABLE audit_events (
  user_id uuid NOT NULL,
  number bigint NOT NULL,
  event_id uuid NOT NULL,
  occurred_at timestamptz NOT NULL,
  method text NOT NULL,
  outcome text NOT NULL,
  reason text NOT NULL,
  device_id uuid,
  peer_address text NOT NULL,
  detail text NOT NULL,
  -- NULL: the event has no account and is in no chain.
  hash bytea,
  PRIMARY KEY (user_id, number, event_id)
);

-- The bytes that an event's hash covers, after the hash of the event before it.
-- AuditEventRecord.canonicalBytes returns the same. One expression, which is inlined into the
-- caller's plan. STABLE, as `convert_to` is: otherwise it would not be inlined.
CREATE FUNCTION audit_event_bytes(
  person uuid, event_number bigint, happened timestamptz, event_method text, event_outcome text, event_reason text,
  device uuid, peer text, event_detail text
) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT 'streak.v1.audit.1'::bytea || uuid_send(person) || int8send(event_number)
    || int8send((extract(epoch FROM happened) * 1000000)::bigint)
    || coalesce('\001'::bytea || uuid_send(device), '\000'::bytea)
    || int4send(octet_length(convert_to(event_method, 'UTF8'))) || convert_to(event_method, 'UTF8')
    || int4send(octet_length(convert_to(event_outcome, 'UTF8'))) || convert_to(event_outcome, 'UTF8')
    || int4send(octet_length(convert_to(event_reason, 'UTF8'))) || convert_to(event_reason, 'UTF8')
    || int4send(octet_length(convert_to(peer, 'UTF8'))) || convert_to(peer, 'UTF8')
    || int4send(octet_length(convert_to(event_detail, 'UTF8'))) || convert_to(event_detail, 'UTF8')
$$;

-- Bytes of an event's row besides those that its hash covers.
CREATE FUNCTION audit_event_overhead() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 96::bigint';

-- The only way to add an event: the serving role may call it, but may neither change nor remove
-- events.
CREATE FUNCTION append_audit_event(
  person uuid, happened timestamptz, event_method text, event_outcome text, event_reason text, device uuid, peer text,
  event_detail text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  head audit_heads;
  content bytea;
  chained bytea;
BEGIN
  -- The lock lets no erasure end before the event is in the trail, which the erasure then removes.
  PERFORM FROM users WHERE user_id = person FOR KEY SHARE;
  IF FOUND THEN
    INSERT INTO audit_heads VALUES (person, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT (user_id) DO NOTHING;
    SELECT * INTO head FROM audit_heads WHERE user_id = person FOR UPDATE;
    head.number := head.number + 1;
    content := audit_event_bytes(
      person, head.number, happened, event_method, event_outcome, event_reason, device, peer, event_detail);
    chained := sha256(head.hash || content);
    UPDATE audit_heads SET
      number = head.number, hash = chained, bytes = bytes + octet_length(content) + audit_event_overhead()
    WHERE user_id = person;
  ELSIF person <> '00000000-0000-0000-0000-000000000000' THEN
    -- Erased meanwhile: the event names neither the account nor its device.
    person := '00000000-0000-0000-0000-000000000000';
    device := NULL;
  END IF;
  INSERT INTO audit_events (
    user_id, number, event_id, occurred_at, method, outcome, reason, device_id, peer_address, detail, hash)
  VALUES (
    person, coalesce(head.number, 0), gen_random_uuid(), happened, event_method, event_outcome, event_reason, device, peer,
    event_detail, chained);
END
$$;

-- Removes the oldest events, at most rows_max, of users whose events take more than bytes_max,
-- which is at least 1 MiB: the serving role may remove no others. What remains verifies from the
-- last removed one's hash. The events of a chain that is broken stay.
CREATE FUNCTION forget_audit_events(bytes_max bigint, rows_max integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  head audit_heads;
  event record;
  forgotten bigint := 0;
  kept_max bigint := greatest(bytes_max, 1048576);
BEGIN
  FOR head IN SELECT * FROM audit_heads WHERE bytes > kept_max FOR UPDATE SKIP LOCKED LOOP
    FOR event IN
      SELECT number, hash, audit_event_bytes(
        user_id, number, occurred_at, method, outcome, reason, device_id, peer_address, detail) AS content
      FROM audit_events WHERE user_id = head.user_id AND number > head.base_number ORDER BY number
      LIMIT rows_max - forgotten
    LOOP
      EXIT WHEN head.bytes <= kept_max OR event.number <> head.base_number + 1
        OR event.hash IS DISTINCT FROM sha256(head.base_hash || event.content);
      head.base_number := event.number;
      head.base_hash := event.hash;
      head.bytes := head.bytes - octet_length(event.content) - audit_event_overhead();
      forgotten := forgotten + 1;
    END LOOP;
    DELETE FROM audit_events WHERE user_id = head.user_id AND number > 0 AND number <= head.base_number;
    UPDATE audit_heads SET bytes = head.bytes, base_number = head.base_number, base_hash = head.base_hash
    WHERE user_id = head.user_id;
    EXIT WHEN forgotten >= rows_max;
  END LOOP;
  RETURN forgotten;
END
$$;

-- Events without an account are found by their age. Users' events have no retention by age: within
-- their bytes they stay as long as the account.
CREATE INDEX unauthenticated_events_by_age ON audit_events (occurred_at) WHERE user_id = '00000000-0000-0000-0000-000000000000';

-- Removes events without an account, at most rows_max, that are older than 30 days: the serving
-- role may remove no others.
CREATE FUNCTION forget_unauthenticated_events(older_than timestamptz, rows_max integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE forgotten bigint;
BEGIN
  DELETE FROM audit_events WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM audit_events
    WHERE user_id = '00000000-0000-0000-0000-000000000000'
      AND occurred_at < least(older_than, clock_timestamp() - interval '30 days')
    ORDER BY occurred_at LIMIT rows_max FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS forgotten = ROW_COUNT;
  RETURN forgotten;
END
$$;

-- A user's trail is removed with the account, in the transaction that removes the account's row,
-- and never before it.
CREATE FUNCTION erase_audit_trail(person uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE erased bigint;
BEGIN
  IF EXISTS (SELECT FROM users WHERE user_id = person) OR person = '00000000-0000-0000-0000-000000000000' THEN
    RAISE EXCEPTION 'the account is still there';
  END IF;
  DELETE FROM audit_heads WHERE user_id = person;
  DELETE FROM audit_events WHERE user_id = person;
  GET DIAGNOSTICS erased = ROW_COUNT;
  RETURN erased;
END
$$;

-- pg_temp last: a caller's temporary tables are not taken for the service's.
DO $$ BEGIN
  EXECUTE format(
    'ALTER FUNCTION append_audit_event(uuid, timestamptz, text, text, text, uuid, text, text) SET search_path TO %I, pg_temp',
    current_schema());
  EXECUTE format(
    'ALTER FUNCTION forget_audit_events(bigint, integer) SET search_path TO %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION erase_audit_trail(uuid) SET search_path TO %I, pg_temp', current_schema());
  EXECUTE format(
    'ALTER FUNCTION forget_unauthenticated_events(timestamptz, integer) SET search_path TO %I, pg_temp', current_schema());
END $$;
