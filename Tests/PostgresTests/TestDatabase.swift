import EventLoop
import Glibc
@testable import Postgres
import Synchronization
import Testing

/// The real PostgreSQL that `scripts/test` provides.
enum TestServer {
  private static let count = Atomic<Int>(0)
  static let variable = "STREAKD_TEST_POSTGRES"

  struct Missing: Error, CustomStringConvertible {
    var description: String { "set \(variable) to a libpq connection string of a PostgreSQL to test against" }
  }

  static func configuration() throws -> PostgresConfiguration {
    guard let text = unsafe getenv(variable) else { throw Missing() }
    var configuration = try PostgresConfiguration(connectionString: unsafe String(cString: text))
    configuration.connectionsPerLoop = 2
    // Tests that run at the same time must not find each other's server processes.
    configuration.applicationName = "test-\(getpid())-\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
    return configuration
  }
}

/// Runs `body` on a loop of its own with a database of its own settings, and closes both.
@discardableResult
func withDatabase<Value: Sendable>(
  _ configure: (inout PostgresConfiguration) -> Void = { _ in },
  onEvent: @escaping @Sendable (PostgresEvent) -> Void = { _ in },
  _ body: @escaping @Sendable (Database, EventLoop) async throws -> Value
) async throws -> Value {
  var configuration = try TestServer.configuration()
  configure(&configuration)
  let thread = EventLoopThread()
  let loop = thread.loop
  let database = Database(configuration: configuration, loops: [loop], onEvent: onEvent)
  let outcome = await Task(executorPreference: loop) { () async -> Result<Value, any Error> in
    do { return .success(try await body(database, loop)) } catch { return .failure(error) }
  }.value
  await database.close()
  thread.stopAndJoin()
  return try outcome.get()
}

/// What `body` throws, if it is a database error.
func databaseError(_ body: () async throws -> Void) async -> DatabaseError? {
  do {
    try await body()
    return nil
  } catch { return error as? DatabaseError }
}

/// A flag that tasks wait for instead of sleeping.
final class Signal: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream() }

  func send() { continuation.yield() }

  /// Waits for the next `send()`.
  func wait() async {
    for await _ in stream { return }
  }
}

/// Statements that many tests use.
enum Common {
  static let one = Statement(.read, "select 1::int4")
  static let echo = Statement(.read, "select $1::int8")
  static let divide = Statement(.read, "select 100 / $1::int8")
  static let sleep = Statement(.write, "select pg_sleep($1)")
  static let readSleep = Statement(.read, "select pg_sleep($1)")
  static let processID = Statement(.write, "select pg_backend_pid()")
  static let terminate = Statement(.write, "select pg_terminate_backend($1)")
  /// The server processes of this test's pool that run the sleeping statement.
  static let sleepers = Statement(
    .write,
    """
    select pid from pg_stat_activity
    where application_name = current_setting('application_name') and pid <> pg_backend_pid() and state = 'active'
      and query like '%pg_sleep%'
    """)

  /// A minimal query; the answer is 1.
  static func ask(_ database: Database) async throws(DatabaseError) -> Int32 {
    try await database.run(one).one { row throws(DatabaseError) in try row.int32(0) }
  }

  /// Sleeps briefly on the server; returns 1, the number of rows.
  static func rest(_ database: Database) async throws(DatabaseError) -> Int {
    try await database.run(sleep, .double(0.1)).rowCount
  }

  /// Waits until a statement of this pool sleeps on the server; returns its process id.
  static func findSleeper(_ database: Database) async throws -> Int32 {
    while true {
      let found = try await database.run(sleepers).map { row throws(DatabaseError) in try row.int32(0) }
      if let first = found.first { return first }
    }
  }
}

/// Runs `body` beside a new table, which is dropped afterwards.
func withTables(_ database: Database, _ create: String, _ body: () async throws -> Void) async throws {
  let table = create.split(separator: " ")[2]
  try await database.transaction { transaction throws(DatabaseError) in try await transaction.runScript(create) }
  let outcome: Result<Void, any Error>
  do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
  try await database.transaction { transaction throws(DatabaseError) in
    try await transaction.runScript("drop table \(table)")
  }
  try outcome.get()
}

extension PostgresConfiguration {
  /// The same database on another host or socket folder.
  func replacing(host: String) -> PostgresConfiguration {
    var all = parameters.filter { $0.keyword != "host" && $0.keyword != "hostaddr" }
    all.append(("host", host))
    let text = all.map { "\($0.keyword)='\($0.value)'" }.joined(separator: " ")
    guard var other = try? PostgresConfiguration(connectionString: text) else { return self }
    other.connectionsPerLoop = connectionsPerLoop
    other.applicationName = applicationName
    return other
  }

  /// Settings under which no server can be reached.
  var withoutServer: PostgresConfiguration { replacing(host: "/nonexistent") }

  var socketName: String { ".s.PGSQL.\(parameters.first { $0.keyword == "port" }?.value ?? "5432")" }

  /// The path of the server's socket; nil if it does not listen on a unix socket.
  var socketPath: String? {
    parameters.first { $0.keyword == "host" && $0.value.hasPrefix("/") }.map { "\($0.value)/\(socketName)" }
  }
}

/// The events that a pool reported.
final class EventList: Sendable {
  private let events = Mutex<[PostgresEvent]>([])

  var all: [PostgresEvent] { events.withLock { $0 } }

  func append(_ event: PostgresEvent) { events.withLock { $0.append(event) } }
}

/// Counts from 1.
final class Counter: Sendable {
  private let count = Mutex(0)

  final class Flag: Sendable {
    private let value = Mutex(false)

    var isSet: Bool {
      get { value.withLock { $0 } }
      set { value.withLock { $0 = newValue } }
    }
  }

  var value: Int { count.withLock { $0 } }

  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
