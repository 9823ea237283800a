internal import Schema

/// What a table holds, in numbers that do not depend on the order of its rows.
enum TableFingerprint {
  /// Every table of the database but PostgreSQL's own and those that belong to extensions.
  private static let tablesText = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1;
    """

  /// The names of all tables, quoted where need be.
  static func tables(_ session: PsqlSession) throws(OperationsError) -> [String] {
    try session.run(tablesText).map { $0.joined(separator: "\t") }
  }

  /// Reads every table's, in the session's transaction.
  static func all(_ session: PsqlSession) throws(OperationsError) -> [BackupTable] {
    var result: [BackupTable] = []
    for name in try tables(session) {
      // A row's hash is made of its values' own; 64 bits each, and no row counts for nothing or twice.
      let answer = try session.run(
        "SELECT count(*), coalesce(sum(pg_catalog.hash_record_extended(t, 0)), 0) FROM ONLY \(name) t;")
      guard let values = answer.first, values.count == 2, let count = Int64(values[0]) else {
        throw .database("no answer to the count of \(name)")
      }
      result.append(BackupTable(name: name, rowCount: count, fingerprint: values[1]))
    }
    return result
  }

  /// What differs, for an operator; nil if nothing does.
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
