import EventLoop
import Glibc
import Postgres
import StreakStore
import Testing

/// A store in a PostgreSQL schema of its own, on loops of its own; both are removed when the body
/// has ended.
struct TestStore: Sendable {
  let store: StreakStore
  let database: Database
  let loops: [EventLoop]
  let place: String

  /// A store on the same tables, as another process would have. The caller closes it.
  func anotherStore() async throws -> StreakStore {
    let other = try StreakStore(connectionString: place, loops: loops, connectionsPerLoop: 2)
    _ = try await other.migrateSchema()
    return other
  }

  /// The server that `scripts/test` starts: libpq's keyword=value form, without `options`.
  static func connectionString() throws -> String {
    let variable = unsafe getenv("STREAKD_TEST_POSTGRES")
    return try #require(unsafe variable.map { unsafe String(cString: $0) }, "run the tests with scripts/test")
  }

  /// Runs `body` on the first loop.
  static func run<Value: Sendable>(
    loopCount: Int = 1, limits: StoreLimits = StoreLimits(), migrated: Bool = true,
    _ body: @escaping @Sendable (TestStore) async throws -> Value
  ) async throws -> Value {
    let threads = (0..<loopCount).map { _ in EventLoopThread() }
    defer { for thread in threads { thread.stopAndJoin() } }
    let loops = threads.map(\.loop)
    let base = try connectionString()
    let schema = "test_\(UInt64.random(in: 0...UInt64.max))"
    var adminConfiguration = try PostgresConfiguration(connectionString: base)
    adminConfiguration.connectionsPerLoop = 1
    let admin = Database(configuration: adminConfiguration, loops: [loops[0]])
    let place = base + " options='-c search_path=\(schema)'"
    let store = try StreakStore(connectionString: place, loops: loops, connectionsPerLoop: 2, limits: limits)
    var configuration = try PostgresConfiguration(connectionString: place)
    configuration.connectionsPerLoop = 1
    let database = Database(configuration: configuration, loops: [loops[0]])
    let result = await Task(executorPreference: loops[0]) { () -> Result<Value, any Error> in
      do {
        _ = try await admin.run(Statement(.write, "CREATE SCHEMA \(schema)"))
        if migrated { _ = try await store.migrateSchema() }
        return .success(try await body(TestStore(store: store, database: database, loops: loops, place: place)))
      } catch {
        return .failure(error)
      }
    }.value
    await store.close()
    await database.close()
    _ = await Task(executorPreference: loops[0]) {
      _ = try await admin.run(Statement(.write, "DROP SCHEMA IF EXISTS \(schema) CASCADE"))
    }.result
    await admin.close()
    return try result.get()
  }

  /// Number of rows of a table.
  func count(_ table: String) async throws -> Int64 {
    try await database.run(Statement(.read, "SELECT count(*) FROM \(table)")).one { row throws(DatabaseError) in
      try row.int64(0)
    }
  }
}
