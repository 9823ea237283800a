public import EventLoop
internal import Postgres

/// Why the program cannot start on a database, in a sentence for its operator.
public enum StartRefusal: Error, Equatable, CustomStringConvertible {
  case database(DatabaseFault)
  /// A query of the check failed.
  case store(StoreError)
  case noSchema(role: String)
  case noRightToCreate(role: String, schema: String)
  /// Tables of another program have the names of this program's tables.
  case foreignTables(schema: String, tables: [String])

  /// A fault of the database itself; its text.
  public struct DatabaseFault: Sendable, Equatable {
    public let text: String
  }

  public var description: String {
    switch self {
    case .database(let fault): fault.text
    case .store(let error): "The database cannot be used: \(error)"
    case .noSchema(let role):
      "The search_path of the role \(role) names no schema that there is and that it may use. Create the schema, or GRANT USAGE on it."
    case .noRightToCreate(let role, let schema):
      "The role \(role) may not create tables in the schema \(schema), and streakd's are not there. GRANT CREATE ON SCHEMA \(schema) TO "
        + "\(role), or give a role that may as --database-owner."
    case .foreignTables(let schema, let tables):
      "The schema \(schema) has tables that streakd did not make: \(tables.joined(separator: ", ")). "
        + "Give streakd a database or a schema of its own."
    }
  }
}

extension StreakStore {
  private static let place = Statement(
    .read,
    """
    SELECT current_user::text, current_schema()::text, coalesce(has_schema_privilege(current_schema(), 'CREATE'), false), ARRAY(
        SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname = ANY ($1) ORDER BY 1),
      ARRAY(
        SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = to_regclass(quote_ident(current_schema()) || '.schema_versions')
        AND a.attnum > 0 AND NOT a.attisdropped)
    """)

  /// Checks whether the program can use the database, before anything is changed there. On one of
  /// the store's loops.
  ///
  /// - Parameter migrates: This store will make the tables.
  public func checkDatabase(on loop: EventLoop, migrates: Bool) async throws(StartRefusal) {
    do throws(DatabaseCheckFailure) {
      try await Database.check(configuration, on: loop)
    } catch {
      throw .database(.init(text: error.description))
    }
    let names = TableRegistry.personal.map(\.name) + TableRegistry.impersonal
    let place: Place?
    do throws(StoreError) {
      place = try await database.row(Self.place, .stringArray(names)) { row throws(DatabaseError) in try Place(row) }
    } catch {
      throw .store(error)
    }
    if let place, migrates { try place.judge() }
  }

  /// The schema of the program's tables.
  private struct Place {
    let role: String
    let schema: String?
    let mayCreate: Bool
    /// The tables with names of ours.
    let tables: [String]
    /// Columns of the table of schema versions; empty: there is none.
    let versionColumns: [String]

    init(_ row: borrowing Row) throws(DatabaseError) {
      role = try row.string(0)
      schema = try row.stringOrNull(1)
      mayCreate = try row.bool(2)
      tables = try row.stringArray(3).compactMap(\.self)
      versionColumns = try row.stringArray(4).compactMap(\.self)
    }

    func judge() throws(StartRefusal) {
      guard let schema else { throw .noSchema(role: role) }
      if versionColumns.isEmpty {
        guard tables.isEmpty else { throw .foreignTables(schema: schema, tables: tables) }
        guard mayCreate else { throw .noRightToCreate(role: role, schema: schema) }
      } else if Set(versionColumns) != ["number", "name", "applied_at"] {
        throw .foreignTables(schema: schema, tables: ["schema_versions"])
      }
    }
  }
}
