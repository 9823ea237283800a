import Logging
import Postgres
@testable import StreakStore
import Synchronization
import Testing

@Suite("The database's refusals")
struct DatabaseFaultTests {
  @Test(
    "an error that may not occur elsewhere or later is unavailable, errors of data are faults",
    arguments: [
      ("25006", true), ("53100", true), ("53200", true), ("53300", true), ("57P01", true), ("57P03", true),
      ("08006", true),
      ("58030", true), ("55P03", true), ("55006", true), ("22P05", false), ("55000", false), ("23514", false),
      ("54000", false), ("42501", false), ("XX001", false),
    ])
  func classes(state: String, isUnavailable: Bool) {
    let error = StoreError(.rejected(SQLState(rawValue: state), constraint: nil, serverMessage: "words"))
    switch error {
    case .unavailable(let reason): #expect(isUnavailable && reason.contains(state) && reason.contains("words"))
    case .fault(let reason, let isLogged):
      #expect(!isUnavailable && isLogged && reason.contains(state) && reason.contains("words"))
    case .dataRefused(let reason):
      #expect(!isUnavailable && ["22", "23", "54"].contains(state.prefix(2)) && reason.contains("words"))
    default: Issue.record("\(error)")
    }
  }

  @Test("a refusal is logged with its SQLSTATE, the server's message and the statement")
  func logged() async throws {
    try await TestStore.run { test async throws in
      let lines = LogLines()
      let store = try StreakStore(
        connectionString: test.place, loops: test.loops, connectionsPerLoop: 2, logger: lines.logger)
      let result = await Task(executorPreference: test.loops[0]) { () -> Result<Void, any Error> in
        do {
          _ = try await store.readEpoch()
          _ = try await test.database.run(Statement(.write, "DROP TABLE schema_versions"))
          for _ in 0..<5 { _ = try? await store.hasCurrentSchema() }
          return .success(())
        } catch { return .failure(error) }
      }.value
      await store.close()
      try result.get()
      let failed = lines.all.filter { $0.contains("a statement failed") }
      // A second may end between the five.
      #expect((1...2).contains(failed.count))
      let line = try #require(failed.first)
      #expect(line.hasPrefix("error"))
      #expect(
        line.contains("sqlstate=42P01") && line.contains("schema_versions")
          && line.contains("StreakStore+Schema.swift:"))
    }
  }

  @Test("a probe writes one row per process, and uses new space after the disk was full")
  func probe() async throws {
    try await TestStore.run { test async throws in
      try await test.store.probe()
      try await test.store.probe()
      #expect(try await test.count("server_probes") == 1)
      test.store.lacksSpace.isSet = true
      try await test.store.probe()
      #expect(!test.store.lacksSpace.isSet)
      #expect(try await test.count("server_probes") == 1)
      _ = try await test.database.run(
        Statement(.write, "INSERT INTO server_probes VALUES (gen_random_uuid(), now() - interval '2 days')"))
      try await test.store.probe()
      #expect(try await test.count("server_probes") == 1)
    }
  }

  private func refusal(_ test: TestStore, place: String? = nil, migrates: Bool = true) async throws -> StartRefusal? {
    let store = try StreakStore(connectionString: place ?? test.place, loops: test.loops, connectionsPerLoop: 1)
    let loop = test.loops[0]
    let found = await Task(executorPreference: loop) { () -> StartRefusal? in
      do throws(StartRefusal) {
        try await store.checkDatabase(on: loop, migrates: migrates)
        return nil
      } catch { return error }
    }.value
    await store.close()
    return found
  }

  @Test("an empty schema and the program's own are accepted")
  func right() async throws {
    for migrated in [false, true] {
      try await TestStore.run(migrated: migrated) { test async throws in
        #expect(try await refusal(test) == nil)
      }
    }
  }

  @Test("another program's tables are not taken for ours, whatever their names")
  func foreignTables() async throws {
    try await TestStore.run(migrated: false) { test async throws in
      _ = try await test.database.run(Statement(.write, "CREATE TABLE users (id integer)"))
      let found = try #require(try await refusal(test))
      #expect(
        "\(found)".hasSuffix(
          "has tables that streakd did not make: users. Give streakd a database or a schema of its own."))
      _ = try await test.database.run(Statement(.write, "DROP TABLE users"))
      _ = try await test.database.run(Statement(.write, "CREATE TABLE schema_versions (version text)"))
      #expect("\(try #require(try await refusal(test)))".contains("did not make: schema_versions."))
    }
  }

  @Test("a missing schema, and a role without rights, give an error in words")
  func rights() async throws {
    try await TestStore.run(migrated: false) { test async throws in
      let base = try TestStore.connectionString()
      let none = try await refusal(test, place: base + " options='-c search_path=nowhere'")
      #expect(none == .noSchema(role: "postgres"))
      let role = "poor_\(UInt64.random(in: 0...UInt64.max))"
      _ = try await test.database.run(Statement(.write, "CREATE ROLE \(role) LOGIN"))
      _ = try await test.database.run(
        Statement(
          .write, "DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO \(role)', current_schema()); END $$"))
      let place =
        test.place.split(separator: " ").filter { !$0.hasPrefix("user=") }.joined(separator: " ") + " user=\(role)"
      let poor = try await refusal(test, place: place)
      _ = try await test.database.run(Statement(.write, "DROP OWNED BY \(role)"))
      _ = try await test.database.run(Statement(.write, "DROP ROLE \(role)"))
      guard case .noRightToCreate(role, _) = poor else {
        Issue.record("\(String(describing: poor))")
        return
      }
    }
  }

  @Test("an unreachable database, and one that is not UTF-8, give an error in words")
  func database() async throws {
    try await TestStore.run { test async throws in
      let unreachable = try #require(try await refusal(test, place: "host=/nonexistent connect_timeout=2"))
      #expect(
        "\(unreachable)".hasPrefix("The database cannot be reached: ") && "\(unreachable)".contains("/nonexistent"))
      let name = "latin_\(UInt64.random(in: 0...UInt64.max))"
      _ = try await test.database.run(
        Statement(.write, "CREATE DATABASE \(name) ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
      let base = try TestStore.connectionString().split(separator: " ").filter { !$0.hasPrefix("dbname=") }
        .joined(separator: " ")
      let latin = try await refusal(test, place: base + " dbname=\(name)")
      _ = try await test.database.run(Statement(.write, "DROP DATABASE \(name) WITH (FORCE)"))
      #expect("\(try #require(latin))".hasPrefix("The database's encoding is LATIN1."))
    }
  }

  @Test("the errors for a newer program's schema and for missing rights are sentences")
  func sentences() {
    let newer = SchemaError.newerThanProgram(databaseVersion: 77, programVersion: 43)
    #expect(
      "\(newer)".hasPrefix(
        "The database's schema is version 77, made by a newer streakd; this one knows versions up to 43."))
    for error: StoreError in [
      .unavailable(reason: "a"), .overloaded, .outcomeUnknown(reason: "a"), .cancelled, .concurrentChange, .noSuchUser,
      .fault(reason: "a"), .dataRefused(reason: "a"),
    ] {
      #expect(!"\(error)".contains("(") && !"\(SchemaError.store(error))".contains("("))
    }
  }
}

/// Stores log lines, as `level message name=value ...`.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

  private struct Handler: LogHandler {
    let lines: LogLines
    var logLevel = Logger.Level.debug
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let pairs = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
      lines.lines.withLock { $0.append("\(event.level) \(event.message) \(pairs)") }
    }
  }
}
