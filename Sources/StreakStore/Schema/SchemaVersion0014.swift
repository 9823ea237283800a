extension SchemaVersion {
  /// A cell costs less to write, and an audit event less to chain.
  static let cheaperWrites = SchemaVersion(
    number: 14, name: "cheaper writes",
    statements: [
      // An undo names the change number too, and so finds its cells by `cells_by_version`.
      "DROP INDEX cells_by_migration",
      """
      -- The same bytes as before, as one expression, which the caller's plan takes in. STABLE, as `convert_to` is: otherwise it would not.
      CREATE OR REPLACE FUNCTION audit_event_bytes(
        person uuid, event_number bigint, happened timestamptz, event_method text, event_outcome text, event_reason text,
        device uuid, peer text, event_detail text
      ) RETURNS bytea LANGUAGE sql STABLE AS $$
        SELECT 'streak.v1.audit.1'::bytea || uuid_send(person) || int8send(event_number)
          || int8send((extract(epoch FROM happened) * 1000000)::bigint)
          || coalesce('\\001'::bytea || uuid_send(device), '\\000'::bytea)
          || int4send(octet_length(convert_to(event_method, 'UTF8'))) || convert_to(event_method, 'UTF8')
          || int4send(octet_length(convert_to(event_outcome, 'UTF8'))) || convert_to(event_outcome, 'UTF8')
          || int4send(octet_length(convert_to(event_reason, 'UTF8'))) || convert_to(event_reason, 'UTF8')
          || int4send(octet_length(convert_to(peer, 'UTF8'))) || convert_to(peer, 'UTF8')
          || int4send(octet_length(convert_to(event_detail, 'UTF8'))) || convert_to(event_detail, 'UTF8')
      $$
      """,
    ])
}
