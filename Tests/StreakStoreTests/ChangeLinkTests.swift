import Postgres
import SplitMix
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

/// Changes are found by `cells.first_version` and `cell_history.next_version`.
@Suite struct ChangeLinkTests {
  /// Cells whose current state no change, or more than one, leads to, and states of the history
  /// that name another successor than the real one.
  private static let broken = Statement(
    .read,
    """
    SELECT ((
      SELECT count(*) FROM cells c WHERE 1 <> (c.version = c.first_version)::integer + (
        SELECT count(*) FROM cell_history h
        WHERE (h.user_id, h.habit_id, h.day, h.next_version) = (c.user_id, c.habit_id, c.day, c.version))
    ) + (
      SELECT count(*) FROM (
        SELECT h.next_version, coalesce(
          lead(h.version) OVER (PARTITION BY h.user_id, h.habit_id, h.day ORDER BY h.version), c.version) AS next
        FROM cell_history h JOIN cells c USING (user_id, habit_id, day)) n
      WHERE next_version <> next))::integer
    """)

  private static func brokenCount(_ test: TestStore) async throws -> Int32? {
    try await test.database.run(broken).first { row throws(DatabaseError) in try row.int32(0) }
  }

  @Test(
    "after any changes of a cell, in any batches, its state is linked to one change",
    arguments: seeds(6))
  func links(seed: UInt64) async throws {
    try await TestStore.run { test async throws in
      var randomness = SplitMix64(seed: seed)
      let person = try await TestPerson.signUp(test)
      var next: Int64 = 1
      for step in 0..<30 {
        let changes = (0..<Int.random(in: 1...6, using: &randomness)).map { index in
          Operation.Change.day(
            person.habitID, Instant.sampleDay - Int32.random(in: 0..<4, using: &randomness),
            done: Int.random(in: 0..<3, using: &randomness) > 0, note: "\(step) \(index)")
        }
        if changes.count == 1 {
          _ = try await person.change(changes[0])
        } else {
          _ = try await person.queue(changes, from: next).get()
          next += Int64(changes.count)
        }
      }
      #expect(try await Self.brokenCount(test) == 0, "seed \(seed)")
      #expect(try await test.count("cell_history") > 10, "seed \(seed)")
    }
  }

  @Test(
    "a pull of changes gives the current state of each changed cell, in pages that continue under concurrent changes",
    arguments: seeds(6))
  func changes(seed: UInt64) async throws {
    try await TestStore.run { test async throws in
      var randomness = SplitMix64(seed: seed)
      let person = try await TestPerson.signUp(test)
      func change() async throws {
        let day = Instant.sampleDay - Int32.random(in: 0..<12, using: &randomness)
        let note = String(randomness.next() % 100)
        _ = try await person.change(.day(person.habitID, day, note: note))
      }
      for _ in 0..<8 { try await change() }
      func pull(_ since: Int64, _ place: PullPlace?, _ cellsMax: Int) async throws -> PullPage {
        try await test.store.pull(
          of: person.userID, for: person.deviceID, since: since, at: place, cellsMax: cellsMax)
      }
      let before = try await pull(0, nil, 100)
      var held = Dictionary(uniqueKeysWithValues: before.cells.map { ($0.key, $0.cell.cell) })
      for _ in 0..<25 { try await change() }
      let pageSize = Int.random(in: 1...5, using: &randomness)
      var place: PullPlace?
      var pages = 0
      repeat {
        let page = try await pull(before.head.changeNumber, place, pageSize)
        #expect(page.cells.count <= pageSize, "seed \(seed)")
        for (key, cell) in page.cells { held[key] = cell.cell }
        place = page.next
        pages += 1
        if pages < 10 { try await change() }
      } while place != nil
      let whole = try await pull(0, nil, 100)
      #expect(held == Dictionary(uniqueKeysWithValues: whole.cells.map { ($0.key, $0.cell.cell) }), "seed \(seed)")
      // Each change is a step, and no page is empty.
      #expect(pages <= (25 + 10) / pageSize + 2, "seed \(seed)")
    }
  }

  @Test("replacing a cell writes to no index: none has a column that it sets")
  func indexes() async throws {
    try await TestStore.run { test async throws in
      let columns = try await test.database.run(
        Statement(
          .read,
          """
          SELECT DISTINCT a.attname::text FROM pg_index i
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
          WHERE i.indrelid = 'cells'::regclass ORDER BY 1
          """)
      ).map { row throws(DatabaseError) in try row.string(0) }
      #expect(columns == ["day", "first_version", "habit_id", "user_id"])
    }
  }
}
