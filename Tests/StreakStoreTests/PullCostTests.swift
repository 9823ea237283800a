import Postgres
import StreakDomain
@testable import StreakStore
import Testing

@Suite struct PullCostTests {
  @Test("a pull of one change reads as much after ten years of 20 habits as after a month")
  func history() async throws {
    try await TestStore.run { test async throws in
      let month = try await Self.somebody(test, days: 30)
      let years = try await Self.somebody(test, days: 3_650)
      _ = try await test.database.run(Statement(.write, "VACUUM ANALYZE heads, habits, cells, notices"))
      let (few, many) = (try await Self.pagesRead(test, month), try await Self.pagesRead(test, years))
      // The rows' places vary: a difference of one page means nothing.
      #expect(few.reduce(0, +) > 5 && zip(few, many).allSatisfy { $1 <= $0 + 1 }, "\(few) and \(many) pages")
    }
  }

  @Test("a page has at most 1 MiB of notes, and the pages together have every day once")
  func noteBytes() async throws {
    try await TestStore.run { test async throws in
      let person = try await Self.somebody(test, days: 30)
      _ = try await test.database.run(
        Statement(.write, "UPDATE cells SET note = repeat('n', 4096) WHERE user_id = '\(person.userID)'"))
      var (counts, keys): ([Int], [CellKey]) = ([], [])
      var place: PullPlace?
      repeat {
        let page = try await test.store.pull(
          of: person.userID, for: person.deviceID, since: 0, at: place, cellsMax: 5_000)
        counts.append(page.cells.count)
        keys += page.cells.map(\.key)
        place = page.next
      } while place != nil
      #expect(counts == [256, 256, 88] && Set(keys).count == 600)
    }
  }

  /// A user with 20 habits that were done every day.
  private static func somebody(_ test: TestStore, days: Int) async throws -> TestPerson {
    let person = try await TestPerson.signUp(test, "\(days)@example.org")
    let id = person.userID
    _ = try await test.database.run(
      Statement(
        .write,
        """
        WITH made AS (
          INSERT INTO habits (user_id, habit_id, name, description, color, position, archived, version, created_at)
          SELECT '\(id)', gen_random_uuid(), 'habit', '', 0, n, false, 1, now() FROM generate_series(1, 20) n
          RETURNING habit_id
        ), done AS (
          INSERT INTO cells (user_id, habit_id, day, done, note, quarantine_reason, version, occurred_at, zone,
            utc_offset_seconds, day_start_minutes, recorded_at, first_version, source_id, seq, changed_time)
          SELECT '\(id)', habit_id, day, true, '', 0, 1 + row_number() OVER w, now(), 'Etc/UTC', 0, 0, now(),
            1 + row_number() OVER w, habit_id, 1, 0
          FROM made CROSS JOIN generate_series(20000 - \(days), 19999) day WINDOW w AS (ORDER BY day, habit_id)
          RETURNING version
        )
        UPDATE heads SET change_number = (SELECT max(version) FROM done) WHERE user_id = '\(id)'
        """))
    return person
  }

  /// Pages that each statement of a pull of the last change touches, with the service's plan.
  private static func pagesRead(_ test: TestStore, _ person: TestPerson) async throws -> [Int] {
    let head = try await test.store.head(of: person.userID).changeNumber - 1
    let (user, device) = ("'\(person.userID)'", "'\(person.deviceID)'")
    let lowest = "'00000000-0000-0000-0000-000000000000'"
    let statements = [
      (StreakStore.pulledHead, "uuid", user), (StreakStore.pulledHabits, "uuid, bigint", "\(user), \(head)"),
      (StreakStore.changedCells, "uuid, bigint, uuid, integer, integer", "\(user), \(head + 1), \(lowest), 0, 1001"),
      (StreakStore.pulledNotices, "uuid, bigint, uuid, integer", "\(user), \(head), \(device), 1000"),
    ]
    return try await test.store.transaction(.snapshot) { transaction throws(StoreError) in
      var pages: [Int] = []
      for (index, (statement, types, values)) in statements.enumerated() {
        try await transaction.execute(
          Statement(.write, "PREPARE pull_\(person.userID)_\(index) (\(types)) AS \(statement.text)"))
        let plan = try await transaction.rows(
          Statement(.write, "EXPLAIN (ANALYZE, BUFFERS) EXECUTE pull_\(person.userID)_\(index) (\(values))")
        ) { row throws(DatabaseError) in try row.string(0) }
        let buffers = plan.first { $0.contains("Buffers: shared") } ?? ""
        pages.append(buffers.matches(of: /(?:hit|read)=([0-9]+)/).compactMap { Int($0.output.1) }.reduce(0, +))
      }
      return .commit(pages)
    }
  }
}
