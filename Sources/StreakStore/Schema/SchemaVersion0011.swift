extension SchemaVersion {
  /// A person's audit events form a hash chain, and are added by one function only.
  static let auditChain = SchemaVersion(
    number: 11, name: "audit chain",
    statements: [
      """
      -- Where each person's chain of audit events ends.
      CREATE TABLE audit_heads (
        user_id uuid PRIMARY KEY,
        -- The number of the last event.
        number bigint NOT NULL,
        -- Its hash; 32 zero bytes before the first.
        hash bytea NOT NULL
      )
      """,
      // NULL: the event is nobody's and stands in no chain.
      "ALTER TABLE audit_events ADD COLUMN hash bytea",
      """
      -- The bytes that an event's hash covers, after the hash of the event before it. AuditEventRecord.canonicalBytes writes the same.
      CREATE FUNCTION audit_event_bytes(
        person uuid, event_number bigint, happened timestamptz, event_method text, event_outcome text, event_reason text,
        device uuid, peer text, event_detail text
      ) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
        SELECT 'streak.v1.audit.1'::bytea || uuid_send(person) || int8send(event_number)
          || int8send((extract(epoch FROM happened) * 1000000)::bigint)
          || coalesce('\\001'::bytea || uuid_send(device), '\\000'::bytea)
          || (
            SELECT string_agg(int4send(octet_length(convert_to(part, 'UTF8'))) || convert_to(part, 'UTF8'), ''::bytea
              ORDER BY place)
            FROM unnest(ARRAY[event_method, event_outcome, event_reason, peer, event_detail]) WITH ORDINALITY u (part, place))
      $$
      """,
      """
      -- The only way to add an event: whoever serves may call it, but neither change events nor take them away.
      CREATE FUNCTION append_audit_event(
        person uuid, happened timestamptz, event_method text, event_outcome text, event_reason text, device uuid, peer text,
        event_detail text
      ) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      DECLARE
        head audit_heads;
        chained bytea;
      BEGIN
        IF EXISTS (SELECT FROM users WHERE user_id = person) THEN
          INSERT INTO audit_heads VALUES (person, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT (user_id) DO NOTHING;
          SELECT * INTO head FROM audit_heads WHERE user_id = person FOR UPDATE;
          head.number := head.number + 1;
          chained := sha256(head.hash || audit_event_bytes(
            person, head.number, happened, event_method, event_outcome, event_reason, device, peer, event_detail));
          UPDATE audit_heads SET number = head.number, hash = chained WHERE user_id = person;
        END IF;
        INSERT INTO audit_events (
          user_id, number, event_id, occurred_at, method, outcome, reason, device_id, peer_address, detail, hash)
        VALUES (
          person, coalesce(head.number, 0), gen_random_uuid(), happened, event_method, event_outcome, event_reason, device, peer,
          event_detail, chained);
      END
      $$
      """,
      """
      -- A person's trail goes with the account, in the transaction that takes the account's row away, and never before it.
      CREATE FUNCTION erase_audit_trail(person uuid) RETURNS bigint
      LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
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
      $$
      """,
      """
      -- The events from before the chain, as if they had been added by it.
      DO $$
      DECLARE
        event record;
        head audit_heads;
      BEGIN
        FOR event IN
          SELECT * FROM audit_events WHERE user_id IN (SELECT user_id FROM users) AND number > 0 ORDER BY user_id, number
        LOOP
          IF head.user_id IS DISTINCT FROM event.user_id THEN
            head := ROW(event.user_id, 0, decode(repeat('00', 32), 'hex'))::audit_heads;
          END IF;
          head.number := event.number;
          head.hash := sha256(head.hash || audit_event_bytes(
            event.user_id, event.number, event.occurred_at, event.method, event.outcome, event.reason, event.device_id,
            event.peer_address, event.detail));
          UPDATE audit_events SET hash = head.hash WHERE event_id = event.event_id AND user_id = event.user_id;
          INSERT INTO audit_heads VALUES (head.*) ON CONFLICT (user_id) DO UPDATE SET
            number = excluded.number, hash = excluded.hash;
        END LOOP;
      END
      $$
      """,
    ])
}
