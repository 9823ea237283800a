internal import Postgres

extension StreakStore {
  /// Tables that the serving role may read but not write: history that must not change, and tables
  /// that only the schema's owner changes.
  private static let readOnlyTables = [
    "audit_events", "audit_heads", "schema_versions", "service_state", "timelines", "server_key",
  ]

  private static let ownRole = Statement(.read, "SELECT current_user::text")
  private static let madeRole = Statement(
    .read, "SELECT quote_ident($1), EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
  private static let ownTables = Statement(
    .read,
    """
    SELECT quote_ident(tablename), tablename = ANY ($1), quote_ident(schemaname) FROM pg_tables
    WHERE schemaname = current_schema() AND tableowner = current_user
    """)
  private static let ownDatabase = Statement(.read, "SELECT quote_ident(current_database())")

  /// The role of this store's connections.
  public func roleName() async throws(StoreError) -> String {
    try await database.row(Self.ownRole) { row throws(DatabaseError) in try row.string(0) } ?? ""
  }

  /// Grants a role exactly the rights to serve: it reads and writes users' data, adds audit events
  /// through their function and changes neither them nor the schema. To be called by the tables'
  /// owner after `migrateSchema()`, by any number of programs at once.
  ///
  /// - Parameter isOwnCluster: The database belongs to this program only: a missing role is made,
  ///   and may not make temporary tables either.
  public func letServe(_ role: String, isOwnCluster: Bool) async throws(StoreError) {
    try await transaction { transaction throws(StoreError) in
      try await transaction.execute(Self.lockSchema, .int64(Self.schemaLock))
      let found = try await transaction.row(Self.madeRole, .string(role)) { row throws(DatabaseError) in
        (name: try row.string(0), exists: try row.bool(1))
      }
      guard let found else { throw .fault(reason: "no answer about the role") }
      var statements: [String] = []
      if isOwnCluster {
        if !found.exists { statements.append("CREATE ROLE \(found.name) LOGIN") }
        let name = try await transaction.row(Self.ownDatabase) { row throws(DatabaseError) in try row.string(0) }
        if let name { statements.append("REVOKE TEMPORARY ON DATABASE \(name) FROM PUBLIC") }
      }
      let tables = try await transaction.rows(Self.ownTables, .stringArray(Self.readOnlyTables)) {
        row throws(DatabaseError) in
        (name: try row.string(0), isReadOnly: try row.bool(1), schema: try row.string(2))
      }
      if let schema = tables.first?.schema { statements.append("GRANT USAGE ON SCHEMA \(schema) TO \(found.name)") }
      for table in tables {
        statements.append("REVOKE ALL ON \(table.schema).\(table.name) FROM \(found.name)")
        let rights = table.isReadOnly ? "SELECT" : "SELECT, INSERT, UPDATE, DELETE"
        statements.append("GRANT \(rights) ON \(table.schema).\(table.name) TO \(found.name)")
      }
      // The list of erasures is read and added to, never reduced.
      statements.append("GRANT USAGE ON SCHEMA erasure TO \(found.name)")
      statements.append("REVOKE ALL ON ALL TABLES IN SCHEMA erasure FROM \(found.name)")
      statements.append("GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA erasure TO \(found.name)")
      for statement in statements { try await transaction.execute(Statement(.write, statement)) }
      return .commit(())
    }
  }
}
