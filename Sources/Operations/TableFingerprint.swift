internal import Schema

/// Fingerprints of a database's tables, which do not depend on the order of the rows.
enum TableFingerprint {
  /// All tables of the database, without PostgreSQL's own and those that belong to extensions.
  private static let tablesText = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1;
    """

  /// The names of all tables, quoted where necessary.
  static func tables(_ session: PsqlSession) throws(OperationsError) -> [String] {
    try session.run(tablesText).map { $0.joined(separator: "\t") }
  }

  /// The row count of every table, counted by the database in the session's transaction: any dump
  /// of the same snapshot must have the same counts.
  static func rowCounts(_ session: PsqlSession) throws(OperationsError) -> [(name: String, rowCount: Int64)] {
    var counts: [(name: String, rowCount: Int64)] = []
    for name in try tables(session) {
      let answer = try session.run("SELECT count(*) FROM ONLY \(name);")
      guard let text = answer.first?.first, let count = Int64(text) else {
        throw .database("no answer to the count of \(name)")
      }
      counts.append((name, count))
    }
    return counts
  }

  /// The difference between a session's tables and a backup's manifest, for an operator; nil if
  /// there is none.
  static func difference(in session: PsqlSession, from backup: Backup) throws(OperationsError) -> String? {
    let found = backup.layoutVersion < 2 ? try sums(session) : try copied(session)
    return difference(of: found, from: backup.tables)
  }

  /// The text format of values, for `DumpFingerprint`; pg_dump sets the rest itself. Explicit,
  /// because a database's or role's own defaults may differ.
  private static let textSettings = """
    SET client_encoding = 'UTF8'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3;
    SET bytea_output = 'hex'; SET timezone = 'UTC'; SET search_path = '';
    """

  /// An environment in which pg_dump writes values in the format of `textSettings`.
  static func textEnvironment(_ environment: [String], _ session: PsqlSession) throws(OperationsError) -> [String] {
    var environment = environment.filter { !$0.hasPrefix("PGTZ=") } + ["PGTZ=UTC"]
    // Sent only if the setting differs: some poolers refuse options.
    if try session.run("SELECT current_setting('bytea_output');").first != ["hex"] {
      let old = environment.last { $0.hasPrefix("PGOPTIONS=") } ?? "PGOPTIONS="
      environment = environment.filter { !$0.hasPrefix("PGOPTIONS=") } + ["\(old) -c bytea_output=hex"]
    }
    return environment
  }

  /// The fingerprints of all tables, from COPY as in a dump, in the session's transaction.
  private static func copied(_ session: PsqlSession) throws(OperationsError) -> [BackupTable] {
    let names = try tables(session)
    try session.run(textSettings)
    var fingerprint = DumpFingerprint()
    for name in names {
      fingerprint.begin(name)
      try session.copy("COPY \(name) TO STDOUT;") { bytes in
        fingerprint.take(bytes)
        return fingerprint.isInRows
      }
    }
    return names.compactMap { fingerprint.backupTable($0) }
  }

  /// The fingerprints of all tables in layout 1 of the manifest: the sum of PostgreSQL's own 64-bit
  /// hashes of the rows, which depends on PostgreSQL's version.
  private static func sums(_ session: PsqlSession) throws(OperationsError) -> [BackupTable] {
    var result: [BackupTable] = []
    for name in try tables(session) {
      let answer = try session.run(
        "SELECT count(*), coalesce(sum(pg_catalog.hash_record_extended(t, 0)), 0) FROM ONLY \(name) t;")
      guard let values = answer.first, values.count == 2, let count = Int64(values[0]) else {
        throw .database("no answer to the count of \(name)")
      }
      result.append(BackupTable(name: name, rowCount: count, fingerprint: values[1]))
    }
    return result
  }

  /// The difference, for an operator; nil if there is none.
  static func difference(of found: [BackupTable], from expected: [BackupTable]) -> String? {
    let found = Dictionary(found.map { ($0.name, $0) }) { first, _ in first }
    var differences: [String] = []
    for table in expected {
      guard let other = found[table.name] else {
        differences.append("\(table.name) is missing")
        continue
      }
      if other.rowCount != table.rowCount {
        differences.append("\(table.name) has \(other.rowCount) rows instead of \(table.rowCount)")
      } else if other.fingerprint != table.fingerprint {
        differences.append("\(table.name) has other rows")
      }
    }
    let known = Set(expected.map(\.name))
    differences += found.keys.filter { !known.contains($0) }.sorted().map { "\($0) should not be there" }
    return differences.isEmpty ? nil : differences.joined(separator: "; ")
  }
}
