import EventLoop
import Postgres
import StreakDomain
@testable import StreakStore
import Testing

@Suite(.serialized) struct SchemaTests {
  /// The program's own latest version.
  private static var latest: Int32 { SchemaVersion.all.map(\.number).max() ?? 0 }

  @Test("the schema is applied once, however many programs start at the same time")
  func appliedOnce() async throws {
    try await TestStore.run(loopCount: 2, migrated: false) { test async throws in
      let store = test.store
      let applied = try await withThrowingTaskGroup(of: [Int32].self) { group in
        for index in 0..<4 {
          group.addTask(executorPreference: test.loops[index % 2]) { try await store.migrateSchema() }
        }
        return try await group.reduce(into: [Int32]()) { $0 += $1 }
      }
      #expect(applied == SchemaVersion.all.map(\.number))
      #expect(try await test.count("users") == 0)
    }
  }

  @Test("a database newer than the program is refused and not changed")
  func newer() async throws {
    try await TestStore.run { test async throws in
      _ = try await test.database.run(Statement(.write, "INSERT INTO schema_versions VALUES (9999, 'later')"))
      let known = Self.latest
      await #expect(throws: SchemaError.newerThanProgram(databaseVersion: 9999, programVersion: known)) {
        try await test.store.migrateSchema()
      }
    }
  }

  @Test("a version that fails leaves nothing of itself behind")
  func failing() async throws {
    try await TestStore.run { test async throws in
      let broken = SchemaVersion(
        number: Self.latest + 1, name: "broken",
        statements: ["CREATE TABLE half (id integer)", "SELECT no_such_column"])
      await #expect(throws: SchemaError.self) { try await test.store.applySchema(SchemaVersion.all + [broken]) }
      await #expect(throws: DatabaseError.self) { try await test.count("half") }
      #expect(try await test.store.migrateSchema() == [])
    }
  }

  @Test("the schema is current from the program's own version on, not one before it")
  func current() async throws {
    try await TestStore.run { test async throws in
      #expect(try await test.store.hasCurrentSchema())
      let known = Self.latest
      _ = try await test.database.run(
        Statement(.write, "INSERT INTO schema_versions (number, name) VALUES (\(known + 1), 'newer')"))
      #expect(try await test.store.hasCurrentSchema())
      _ = try await test.database.run(Statement(.write, "DELETE FROM schema_versions WHERE number = \(known)"))
      #expect(try await !test.store.hasCurrentSchema())
    }
  }

  @Test("a version has no statement timeout, and PostgreSQL's default join settings")
  func long() async throws {
    try await TestStore.run { test async throws in
      var configuration = try PostgresConfiguration(connectionString: test.place)
      configuration.statementTimeoutMilliseconds = 50
      let store = StreakStore(configuration: configuration, loops: test.loops)
      let long = SchemaVersion(
        number: Self.latest + 1, name: "long",
        statements: [
          "SELECT pg_sleep(0.2)", "CREATE TABLE joins AS SELECT current_setting('enable_hashjoin')::boolean AS wanted",
        ])
      let applied = await Task(executorPreference: test.loops[0]) { () -> Result<[Int32], any Error> in
        do { return .success(try await store.applySchema(SchemaVersion.all + [long])) } catch { return .failure(error) }
      }.value
      await store.close()
      #expect(try applied.get() == [long.number])
      let wanted = try await test.database.run(Statement(.read, "SELECT wanted FROM joins")).one {
        row throws(DatabaseError) in try row.bool(0)
      }
      #expect(wanted)
    }
  }

  @Test("a version waits for a table in use, but not for ever: then nothing of it is applied")
  func lockWait() async throws {
    try await TestStore.run { test async throws in
      let alter = SchemaVersion(
        number: Self.latest + 1, name: "alter", statements: ["ALTER TABLE imports ADD COLUMN later integer"])
      let store = test.store
      _ = try await test.database.transacting { transaction throws(StoreError) in
        try await transaction.execute(Statement(.write, "LOCK TABLE imports IN ACCESS SHARE MODE"))
        do throws(SchemaError) {
          _ = try await store.applySchema(SchemaVersion.all + [alter], lockWaitMilliseconds: 50)
          Issue.record("it did not wait for the table")
        } catch {
          #expect("\(error)".contains("lock timeout"), "\(error)")
        }
        return TransactionEnd.rollBack(())
      }
      #expect(try await store.applySchema(SchemaVersion.all + [alter], lockWaitMilliseconds: 50) == [alter.number])
    }
  }

  @Test("versions are numbered from 1, without gaps")
  func numbered() {
    #expect(SchemaVersion.all.map(\.number) == Array(1...Int32(SchemaVersion.all.count)))
  }

  @Test("a database made before the first release is refused and not changed")
  func beforeRelease() async throws {
    try await TestStore.run(migrated: false) { test async throws in
      let initial = SchemaVersion(number: 1, name: "initial", statements: ["CREATE TABLE users (user_id uuid)"])
      _ = try await test.store.applySchema([initial])
      await #expect(throws: SchemaError.madeBeforeRelease) { try await test.store.migrateSchema() }
      #expect(try await test.count("users") == 0)
    }
  }

  @Test("an SQL file is split into statements without comments; a function's body is one statement")
  func statements() {
    let text = """
      -- A file.

      -- A table.
      CREATE TABLE a (
        -- A column; with a semicolon.
        b integer
      );

      CREATE FUNCTION c() RETURNS void LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM 1;
      END
      $$;
      """
    let found = SchemaVersion.statements(in: text + "\n")
    #expect(found.count == 2)
    #expect(found.first?.hasPrefix("-- A table.\nCREATE TABLE") == true && found.first?.hasSuffix(")") == true)
    #expect(found.last?.hasSuffix("$$") == true)
  }

  @Test("every table with a person's data begins its primary key with user_id")
  func primaryKeys() async throws {
    try await TestStore.run { test async throws in
      let tables = try await test.database.run(
        Statement(
          .read,
          """
          SELECT c.relname::text, a.attname::text FROM pg_index i
            JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
          WHERE i.indisprimary AND c.relnamespace = current_schema()::regnamespace
            AND EXISTS (SELECT 1 FROM pg_attribute u WHERE u.attrelid = c.oid AND u.attname = 'user_id')
          """)
      ).map { row throws(DatabaseError) in (table: try row.string(0), column: try row.string(1)) }
      #expect(tables.count == 22)
      for (table, column) in tables where !["emails", "claimed_documents", "sign_in_approvals"].contains(table) {
        #expect(column == "user_id", "\(table)")
      }
    }
  }
}
