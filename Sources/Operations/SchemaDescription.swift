internal import Cryptography
internal import PrivateCluster
internal import StreakStore

/// What a database holds besides rows, as lines: every relation, column, constraint, index,
/// function, trigger, rule, policy, type, setting and comment, with owners and rights, without
/// PostgreSQL's own.
///
/// A dump is a program, and what it makes runs later, with its owner's rights: functions,
/// expressions of indexes, defaults and checks. So a restored dump without a known signature is
/// compared with a schema that streakd makes itself.
enum SchemaDescription {
  /// One line for each object: its kind and name, and a hash of its definition. Leaves the session
  /// with an empty search path: definitions then name every schema.
  static func lines(_ session: PsqlSession) throws(OperationsError) -> Set<String> {
    try session.run("SET search_path = '';")
    return Set(try session.run(text).map { $0.joined(separator: "\t") })
  }

  /// The difference between a restored schema and streakd's, for an operator; nil if there is none.
  ///
  /// - Parameters:
  ///   - before: The database before the restore.
  ///   - session: A session that sees the restored database.
  ///   - owner: Connects as a role that may make databases; a temporary one gets streakd's schema.
  static func difference(
    in session: PsqlSession, before: Set<String>, schema: String, owner: [String], _ programs: PostgresPrograms,
    user: ServerUser?
  ) throws(OperationsError) -> String? {
    let found = try lines(session)
    let table = "\(quoted(schema)).schema_versions"
    guard let version = try session.run("SELECT max(number) FROM \(table);").first?.first.flatMap({ Int32($0) }) else {
      return "\(table) is empty"
    }
    let expected = try own(schema: schema, version: version, owner: owner, programs, user: user)
    let foreign = found.subtracting(before).subtracting(expected.made).subtracting(expected.before).map {
      "\(name(of: $0)) is not streakd's"
    }
    let missing = expected.made.subtracting(found).map { "\(name(of: $0)) is missing" }
    let all = foreign.sorted() + missing.sorted()
    guard !all.isEmpty else { return nil }
    return all.prefix(shownMax).joined(separator: "; ") + (all.count > shownMax ? "; ..." : "")
  }

  private static let shownMax = 10

  /// The description of the schema that streakd makes, and of the database before it: a temporary
  /// one of the same server.
  private static func own(
    schema: String, version: Int32, owner: [String], _ programs: PostgresPrograms, user: ServerUser?
  ) throws(OperationsError) -> (before: Set<String>, made: Set<String>) {
    let name = "streakd_expected_" + ErasureLedger.hex(randomBytes(count: 8))
    let session = try PsqlSession(programs, environment: owner, user: user)
    defer { session.end() }
    guard try session.run("SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user;").first == ["t"]
    else {
      throw .refused(
        "a backup without a known signature is compared with streakd's schema in a temporary database: name a role that may "
          + "make databases, or restore it into a data folder (--into)")
    }
    try session.run("CREATE DATABASE \(name) TEMPLATE template0;")
    let found = Result { () throws(OperationsError) in
      let environment = owner.filter { !$0.hasPrefix("PGDATABASE=") } + ["PGDATABASE=\(name)"]
      let fresh = try PsqlSession(programs, environment: environment, user: user)
      defer { fresh.end() }
      let before = try lines(fresh)
      try fresh.run("CREATE SCHEMA IF NOT EXISTS \(quoted(schema)); SET search_path TO \(quoted(schema));")
      try fresh.run(StreakStore.schemaScript(upTo: version))
      return (before, try lines(fresh).subtracting(before))
    }
    try session.run("DROP DATABASE \(name) WITH (FORCE);")
    return try found.get()
  }

  private static func quoted(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
  }

  /// An object without the hash of its definition.
  private static func name(of line: String) -> String {
    String(line.prefix(line.count - hashCount - 1))
  }

  private static let hashCount = 32

  /// Catalogs of other objects, of which streakd makes none.
  private static let otherCatalogs = [
    "pg_am", "pg_cast", "pg_collation", "pg_conversion", "pg_default_acl", "pg_event_trigger", "pg_extension",
    "pg_foreign_data_wrapper", "pg_foreign_server", "pg_language", "pg_largeobject_metadata", "pg_opclass",
    "pg_operator", "pg_opfamily", "pg_publication", "pg_statistic_ext", "pg_transform", "pg_ts_config", "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
  ]

  private static var text: String {
    let others = otherCatalogs.map { catalog in
      // A large object's class is the table of its content. Objects of PostgreSQL itself have lower
      // numbers.
      let name = catalog == "pg_largeobject_metadata" ? "pg_largeobject" : catalog
      return """
        SELECT 'object', pg_describe_object('pg_catalog.\(name)'::regclass, oid, 0), '' FROM pg_catalog.\(catalog)
          WHERE oid >= 16384
        """
    }.joined(separator: "\n  UNION ALL ")
    return """
      WITH spaces AS (
        SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
      relations AS (
        SELECT c.*, format('%I.%I', n.nspname, c.relname) AS name FROM pg_catalog.pg_class c JOIN spaces n ON n.oid = c.relnamespace),
      objects (kind, name, definition) AS (
        SELECT 'schema', quote_ident(nspname), '' FROM spaces
        UNION ALL SELECT 'owner', kind || ' ' || name, '' FROM (
          SELECT 'schema', quote_ident(nspname), nspowner FROM spaces
          UNION ALL SELECT 'relation', name, relowner FROM relations
          UNION ALL SELECT 'function', p.oid::regprocedure::text, proowner FROM pg_catalog.pg_proc p JOIN spaces n ON n.oid = p.pronamespace
          UNION ALL SELECT 'type', t.oid::regtype::text, typowner FROM pg_catalog.pg_type t JOIN spaces n ON n.oid = t.typnamespace
          UNION ALL SELECT 'database', '', datdba FROM pg_catalog.pg_database WHERE datname = current_database()
          ) owners (kind, name, owner) WHERE pg_get_userbyid(owner) <> current_user
        UNION ALL SELECT 'rights', kind || ' ' || name, rights::text FROM (
          SELECT 'schema', quote_ident(nspname), nspacl FROM spaces
          UNION ALL SELECT 'relation', name, relacl FROM relations
          UNION ALL SELECT 'column', r.name || '.' || quote_ident(a.attname), attacl
            FROM pg_catalog.pg_attribute a JOIN relations r ON r.oid = a.attrelid
          UNION ALL SELECT 'function', p.oid::regprocedure::text, proacl FROM pg_catalog.pg_proc p JOIN spaces n ON n.oid = p.pronamespace
          UNION ALL SELECT 'type', t.oid::regtype::text, typacl FROM pg_catalog.pg_type t JOIN spaces n ON n.oid = t.typnamespace
          UNION ALL SELECT 'database', '', datacl FROM pg_catalog.pg_database WHERE datname = current_database()
          ) granted (kind, name, rights) WHERE rights IS NOT NULL
        UNION ALL SELECT 'member', pg_get_userbyid(member), pg_get_userbyid(roleid) FROM pg_catalog.pg_auth_members
          WHERE current_user IN (pg_get_userbyid(member), pg_get_userbyid(roleid))
        UNION ALL SELECT 'comment', pg_describe_object(classoid, objoid, objsubid), description FROM pg_catalog.pg_description
          WHERE objoid >= 16384
        UNION ALL SELECT 'label', pg_describe_object(classoid, objoid, objsubid), concat_ws(' ', provider, label) FROM pg_catalog.pg_seclabel
        UNION ALL SELECT 'relation', name, concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity, relreplident,
            relispartition, reloptions::text) FROM relations
        UNION ALL SELECT 'column', r.name || '.' || quote_ident(a.attname), concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
            a.attidentity, a.attgenerated, a.attcollation, pg_get_expr(d.adbin, d.adrelid))
          FROM relations r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
            LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          WHERE r.relkind NOT IN ('i', 'I', 'S')
        UNION ALL SELECT 'constraint', concat_ws('.', r.name, quote_ident(o.conname)), pg_get_constraintdef(o.oid)
          FROM pg_catalog.pg_constraint o JOIN spaces n ON n.oid = o.connamespace LEFT JOIN relations r ON r.oid = o.conrelid
        UNION ALL SELECT 'index', r.name, pg_get_indexdef(r.oid) FROM relations r WHERE r.relkind IN ('i', 'I')
        UNION ALL SELECT 'function', p.oid::regprocedure::text, concat_ws(' ', p.prokind, l.lanname, p.prosecdef, p.proleakproof,
            p.proisstrict, p.proretset, p.provolatile, p.proparallel, p.proconfig::text, pg_get_function_arguments(p.oid),
            pg_get_function_result(p.oid), p.prosrc, p.probin, p.prosqlbody::text)
          FROM pg_catalog.pg_proc p JOIN spaces n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        UNION ALL SELECT 'trigger', concat_ws('.', r.name, quote_ident(t.tgname)), concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
          FROM pg_catalog.pg_trigger t JOIN relations r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
        UNION ALL SELECT 'rule', concat_ws('.', r.name, quote_ident(u.rulename)), pg_get_ruledef(u.oid)
          FROM pg_catalog.pg_rewrite u JOIN relations r ON r.oid = u.ev_class
        UNION ALL SELECT 'policy', concat_ws('.', r.name, quote_ident(o.polname)), ''
          FROM pg_catalog.pg_policy o JOIN relations r ON r.oid = o.polrelid
        UNION ALL SELECT 'type', t.oid::regtype::text, t.typtype::text
          FROM pg_catalog.pg_type t JOIN spaces n ON n.oid = t.typnamespace WHERE t.typtype <> 'c' AND t.typelem = 0
        UNION ALL SELECT 'setting', concat_ws(' ', s.setdatabase, s.setrole), s.setconfig::text
          FROM pg_catalog.pg_db_role_setting s
          WHERE s.setdatabase = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
            OR s.setrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
        UNION ALL \(others))
      SELECT kind || ' ' || translate(name, E'\\n\\t', '  ') || ' ' || md5(concat(definition)) FROM objects ORDER BY 1;
      """
  }
}
