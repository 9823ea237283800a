import Postgres
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

/// Rows of a later version, with numbers that this one does not know.
@Suite("Numbers of a later version") struct UnknownNumberTests {
  @Test("an outcome, a notice and a recovery of an unknown kind are read as none of the known ones")
  func unknownNumbers() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      func run(_ sql: String) async throws { _ = try await test.database.run(Statement(.write, sql)) }
      let change = Operation.Change.day(person.habitID, Instant.sampleDay)
      _ = try await person.queue([change], from: 1).get()
      try await run("UPDATE operations SET status = 9")
      await #expect(throws: StoreError.self) { _ = try await person.queue([change], from: 1) }

      // A day quarantined for another reason keeps its number, which is a part of the digest.
      try await run("UPDATE cells SET quarantine_reason = 99")
      let page = try await test.store.pull(of: person.userID, for: person.deviceID, since: 0, at: nil, cellsMax: 10)
      #expect(page.cells.map(\.cell.cell.trust) == [.quarantinedOtherwise(99)])

      func notices() async throws -> Int {
        try await test.store.notices(
          of: person.userID, for: person.deviceID, includingAcknowledged: true, after: .start, countMax: 9
        ).count
      }
      try await run(
        """
        INSERT INTO notices VALUES ('\(person.userID)', gen_random_uuid(), 5, gen_random_uuid(), 20000, 0, '1', '2', NULL,
          now(), 1, false)
        """)
      #expect(try await notices() == 1)
      try await run("UPDATE notices SET kind = 99")
      await #expect(throws: StoreError.self) { _ = try await notices() }
      // A conflict of a field that is not known.
      try await run("UPDATE notices SET kind = 3, day = 0, field = 99")
      await #expect(throws: StoreError.self) { _ = try await notices() }

      try await run(
        "INSERT INTO recoveries VALUES ('\(person.userID)', gen_random_uuid(), 'b', now(), now(), 4, '', NULL, NULL)")
      #expect(try await test.store.recoveries(of: person.userID, countMax: 9).map(\.stage) == [.cancelled])
      try await run("UPDATE recoveries SET state = 99")
      await #expect(throws: StoreError.self) { _ = try await test.store.recoveries(of: person.userID, countMax: 9) }
    }
  }
}
