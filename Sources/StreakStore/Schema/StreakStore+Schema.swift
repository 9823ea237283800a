internal import Postgres

/// Why the database's schema could not be updated to the program's.
public enum SchemaError: Error, Equatable {
  case store(StoreError)
  /// The database was made by a newer program, which this one must not touch.
  case newerThanProgram(databaseVersion: Int32, programVersion: Int32)
  /// The database was made by a program from before the first release: export its accounts with
  /// that program, and import them.
  case madeBeforeRelease
}

extension SchemaError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .store(let error): "The database's schema cannot be brought up to this program's: \(error)"
    case .madeBeforeRelease:
      "The database was made by a streakd from before the first release: export its accounts with that program (streakctl export), "
        + "start with an empty database, and import them (streakctl import)."
    case .newerThanProgram(let databaseVersion, let programVersion):
      "The database's schema is version \(databaseVersion), made by a newer streakd; this one knows versions up to \(programVersion). "
        + "Start the newer program, or restore a backup that was made before the upgrade."
    }
  }
}

extension StreakStore {
  /// The advisory lock that programs hold while they apply schema versions; the number is
  /// arbitrary.
  static let schemaLock: Int64 = 0x5374_7265_616B_6401

  static let lockSchema = Statement(.write, "SELECT pg_advisory_xact_lock($1)")
  /// Longest wait for a table in use, in milliseconds. A waiting ALTER TABLE blocks all later
  /// statements on the table, so the program fails instead, and its supervisor starts it again.
  static let schemaLockWaitMilliseconds: Int64 = 10_000
  private static let boundLockWaits = Statement(.read, "SELECT set_config('lock_timeout', $1::bigint::text, true)")
  private static let makeVersionTable = Statement(
    .write,
    """
    CREATE TABLE IF NOT EXISTS schema_versions (
      number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
    """)
  private static let appliedVersions = Statement(.write, "SELECT number, name FROM schema_versions")
  private static let readVersions = Statement(.read, "SELECT number FROM schema_versions")
  private static let noteVersion = Statement(.write, "INSERT INTO schema_versions (number, name) VALUES ($1, $2)")

  /// SQL that makes the schema of a version in an empty database, without the list of versions.
  package static func schemaScript(upTo number: Int32) -> String {
    let versions = SchemaVersion.all.filter { $0.number <= number }.sorted { $0.number < $1.number }
    return ([makeVersionTable] + versions.flatMap(\.statements)).map { "\($0.text);\n" }.joined()
  }

  /// Updates the database's schema to this program's, in one transaction under an advisory lock: of
  /// any number of programs that start at once, one does it and the others find it done.
  ///
  /// - Returns: The numbers of the versions applied just now.
  public func migrateSchema() async throws(SchemaError) -> [Int32] {
    let applied = try await applySchema(SchemaVersion.all)
    do throws(StoreError) { try await readEpoch() } catch { throw .store(error) }
    return applied
  }

  /// Queries the database for its schema, which a ready program can do. On one of the store's
  /// loops.
  ///
  /// - Returns: Whether the schema has every version of this program. It may have later ones: a
  ///   newer program has begun to take over, and its versions mostly leave the tables of this one
  ///   unchanged.
  public func hasCurrentSchema() async throws(StoreError) -> Bool {
    let applied = Set(try await database.rows(Self.readVersions) { row throws(DatabaseError) in try row.int32(0) })
    return SchemaVersion.all.allSatisfy { applied.contains($0.number) }
  }

  /// The numbers of the versions that the database has, ascending.
  public func schemaVersions() async throws(StoreError) -> [Int32] {
    try await database.rows(Self.readVersions) { row throws(DatabaseError) in try row.int32(0) }.sorted()
  }

  func applySchema(
    _ versions: [SchemaVersion], lockWaitMilliseconds: Int64 = StreakStore.schemaLockWaitMilliseconds
  ) async throws(SchemaError) -> [Int32] {
    let database = databaseForSchema()
    let applied: Result<[Int32], SchemaError>
    do throws(StoreError) {
      applied = try await database.transacting { transaction throws(StoreError) in
        try await transaction.execute(Self.lockSchema, .int64(Self.schemaLock))
        try await transaction.execute(Self.boundLockWaits, .int64(lockWaitMilliseconds))
        try await transaction.execute(Self.makeVersionTable)
        let found = try await transaction.rows(Self.appliedVersions) { row throws(DatabaseError) in
          (number: try row.int32(0), name: try row.string(1))
        }
        // Before the first release the baseline was another, and numbers had gaps.
        guard !found.contains(where: { $0.number == 1 && $0.name == "initial" }) else {
          return .rollBack(.failure(.madeBeforeRelease))
        }
        let applied = Set(found.map(\.number))
        let (latest, known) = (applied.max() ?? 0, versions.map(\.number).max() ?? 0)
        guard latest <= known else {
          return .rollBack(.failure(.newerThanProgram(databaseVersion: latest, programVersion: known)))
        }
        let missing = versions.filter { !applied.contains($0.number) }.sorted { $0.number < $1.number }
        for version in missing {
          for statement in version.statements { try await transaction.execute(statement) }
          try await transaction.execute(Self.noteVersion, .int32(version.number), .string(version.name))
        }
        return .commit(.success(missing.map(\.number)))
      }
    } catch {
      applied = .failure(.store(error))
    }
    await database.close()
    return try applied.get()
  }
}
