import Postgres
import StreakDomain
import StreakStore
import Testing

@Suite(.serialized) struct EpochTests {
  @Test("the epoch is 1 at first and becomes the present second, and never the same one twice")
  func raising() async throws {
    try await TestStore.run { test async throws in
      #expect(try await test.store.readEpoch().number == 1)
      let before = Moment.now().seconds
      let first = try await test.store.raiseEpoch()
      let second = try await test.store.raiseEpoch()
      #expect(first >= before && first <= Moment.now().seconds)
      #expect(second > first)
      #expect(try await test.store.readEpoch().number == second)
    }
  }

  @Test("an epoch from the future is raised by one")
  func future() async throws {
    try await TestStore.run { test async throws in
      _ = try await test.database.run(Statement(.write, "UPDATE service_state SET epoch = 99999999999"))
      #expect(try await test.store.raiseEpoch() == 100_000_000_000)
    }
  }
}
