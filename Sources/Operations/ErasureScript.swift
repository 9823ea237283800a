internal import struct StreakDomain.Instant
internal import StreakStore

/// SQL that removes erased users from a restored database. It runs inside the restore's own
/// transaction.
enum ErasureScript {
  /// - Parameter schema: The PostgreSQL schema of the service's tables.
  static func text(_ records: ErasureRecords, schema: String) -> String {
    var script = """
      CREATE TEMPORARY TABLE erased_people (user_id uuid, seconds bigint);
      CREATE TEMPORARY TABLE erased_sessions (session_id uuid, secret_hash bytea, user_id uuid);

      """
    script += "COPY pg_temp.erased_people FROM STDIN;\n"
    for person in records.people { script += "\(person.userID)\t\(person.erasedAt.seconds)\n" }
    script += "\\.\nCOPY pg_temp.erased_sessions FROM STDIN;\n"
    for session in records.sessions {
      let hash = session.secretHash.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      script += "\(session.sessionID)\t\\\\x\(hash)\t\(session.userID)\n"
    }
    script += "\\.\n"
    // Users whom the restored database itself has as erased are absent already; erasing them again
    // is harmless.
    script +=
      "INSERT INTO pg_temp.erased_people SELECT user_id, extract(epoch FROM erased_at)::bigint FROM erasure.people;\n"
    let schemaText = literal(schema)
    for table in TableRegistry.personal {
      // A backup from before a table was introduced does not have it.
      script += """
        DO $do$ BEGIN
          IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = \(schemaText)
              AND table_name = '\(table.name)' AND column_name = '\(table.userColumn)') THEN
            EXECUTE format('DELETE FROM %I.%I WHERE %I IN (SELECT user_id FROM pg_temp.erased_people)',
              \(schemaText), '\(table.name)', '\(table.userColumn)');
          END IF;
        END $do$;

        """
    }
    script += """
      DO $do$ BEGIN
        EXECUTE format('DELETE FROM %I.sessions WHERE session_id IN (SELECT session_id FROM pg_temp.erased_sessions)',
          \(schemaText));
      END $do$;
      INSERT INTO erasure.people SELECT user_id, to_timestamp(max(seconds)) FROM pg_temp.erased_people GROUP BY 1
        ON CONFLICT DO NOTHING;
      INSERT INTO erasure.sessions SELECT DISTINCT ON (1) * FROM pg_temp.erased_sessions ON CONFLICT DO NOTHING;
      DROP TABLE pg_temp.erased_people, pg_temp.erased_sessions;

      """
    return script
  }

  static func literal(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }
}
