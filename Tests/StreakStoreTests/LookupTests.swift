import Postgres
import StreakDomain
@testable import StreakStore
import Testing

@Suite struct LookupTests {
  @Test(
    "a change looks up its rows by primary key, also if the statistics come from users with a single habit and day"
  )
  func primaryKeys() async throws {
    try await TestStore.run { test async throws in
      let people = [
        try await TestPerson.signUp(test, "a@example.org"), try await TestPerson.signUp(test, "b@example.org"),
      ]
      for person in people { _ = try await person.change(.day(person.habitID, Instant.sampleDay, note: "first")) }
      try await Self.manyWithOneDay(test)
      for count in [1, 2] {
        let store = try await Self.stored(people.prefix(count)) { .day($0, Instant.sampleDay, done: false) }
        #expect(store.statement.text.contains("replacedCells_part"))
        let plan = try await Self.plan(test, store.statement, parameterCount: store.parameters.count)
        #expect(plan.contains("cells_pkey") && plan.contains("habits_pkey") && !plan.contains("by_version"), "\(plan)")
      }
      for statement in [LoadStatement.one, LoadStatement.many] {
        let plan = try await Self.plan(test, statement, parameterCount: 4)
        #expect(plan.contains("cells_pkey") && plan.contains("habits_pkey") && !plan.contains("by_version"), "\(plan)")
      }
    }
  }

  private static func manyWithOneDay(_ test: TestStore) async throws {
    for text in [
      """
      INSERT INTO habits (user_id, habit_id, name, description, color, position, archived, version, created_at)
      SELECT gen_random_uuid(), gen_random_uuid(), '', '', 0, 0, false, 1, now() FROM generate_series(1, 2000)
      """,
      """
      INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone,
        utc_offset_seconds, day_start_minutes, recorded_at, first_version, source_id, seq, changed_time)
      SELECT user_id, habit_id, 20000, true, '', 0, 2, now(), 'Etc/UTC', 0, 0, now(), 2, user_id, 1, 0 FROM habits
      """,
      "VACUUM ANALYZE habits, cells",
    ] {
      _ = try await test.database.run(Statement(.write, text))
    }
  }

  @Test("another note of a day changes the day and the user, not the habit")
  func parts() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      _ = try await person.change(.day(person.habitID, Instant.sampleDay, note: "first"))
      let store = try await Self.stored([person]) { .day($0, Instant.sampleDay, note: "second") }
      let parts = store.statement.text.matches(of: /(changed|[a-zA-Z]+_part) AS \(/).map { String($0.output.1) }
      #expect(parts == ["changed", "replaced_part", "history_part", "replacedCells_part"])
    }
  }

  /// The statement that stores a change of a day that each of them has.
  private static func stored(
    _ people: some Sequence<TestPerson>, _ change: (Identifier) -> Operation.Change
  ) async throws -> BoundStatement {
    ApplyStatement(try await decided(people, change), now: .sample).bound
  }

  private static func decided(
    _ people: some Sequence<TestPerson>, _ change: (Identifier) -> Operation.Change
  ) async throws -> [PendingUser] {
    var found: [PendingUser] = []
    for person in people {
      let call = PendingCall(person.request(.direct(change(person.habitID))))
      let loaded = PendingUser(person.userID, [call], attempts: 0)
      try await LoadStatement.read(
        [loaded], epoch: person.test.store.epoch, limits: StoreLimits(), by: person.test.database)
      loaded.decide()
      #expect(loaded.isChanged)
      found.append(loaded)
    }
    return found
  }

  /// The plan of a statement on the service's connections.
  private static func plan(_ test: TestStore, _ statement: Statement, parameterCount: Int) async throws -> String {
    let name = "looked_up_\(UInt32.random(in: 0...UInt32.max))"
    let values = Array(repeating: "NULL", count: parameterCount).joined(separator: ", ")
    return try await test.store.transaction(.snapshot) { transaction throws(StoreError) in
      try await transaction.execute(Statement(.write, "PREPARE \(name) AS \(statement.text)"))
      let lines = try await transaction.rows(Statement(.write, "EXPLAIN EXECUTE \(name) (\(values))")) {
        row throws(DatabaseError) in try row.string(0)
      }
      return .commit(lines.joined(separator: "\n"))
    }
  }
}
