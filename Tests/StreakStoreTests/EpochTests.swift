import Postgres
import StreakDomain
@testable import StreakStore
import Synchronization
import Testing

@Suite("Epoch")
struct EpochTests {
  // C118
  @Test("the epoch begins at 1 and rises to the present second, each time higher, with other bits")
  func rises() async throws {
    try await TestStore.run { test async throws in
      #expect(try await test.store.readEpoch().number == 1)
      let firstBits = test.store.epoch.bits
      let before = Instant.now().seconds
      let first = try await test.store.raiseEpoch()
      let second = try await test.store.raiseEpoch()
      #expect(first >= before && first <= Instant.now().seconds)
      #expect(second > first)
      #expect(try await test.store.readEpoch().number == second)
      #expect(test.store.epoch.bits != firstBits && firstBits != 0)
    }
  }

  @Test("an epoch from the future is raised by one")
  func future() async throws {
    try await TestStore.run { test async throws in
      _ = try await test.database.run(Statement(.write, "UPDATE service_state SET epoch = 99999999999"))
      #expect(try await test.store.raiseEpoch() == 100_000_000_000)
    }
  }

  private static let forget = Statement(.write, "UPDATE timelines SET timeline = timeline + 100")

  @Test("a new timeline raises the epoch once, also if several programs see it at once")
  func newTimeline() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      #expect(try await test.count("timelines") == 1)
      let others = [try await test.anotherStore(), try await test.anotherStore()]
      let before = test.store.epoch
      _ = try await test.database.run(Self.forget)
      let stores = [test.store] + others
      let loop = test.loops[0]
      let found = await withTaskGroup(of: Epoch?.self) { group in
        for index in 0..<24 {
          let store = stores[index % 3]
          group.addTask(executorPreference: loop) { try? await store.readEpoch() }
        }
        return await group.reduce(into: [Epoch?]()) { $0.append($1) }
      }
      #expect(Set(found).count == 1 && found.count == 24)
      #expect((found.first??.number ?? 0) > before.number)
      #expect(try await test.count("timelines") == 2)
      #expect(Set(stores.map(\.epoch)).count == 1)
      for other in others { await other.close() }
    }
  }

  @Test("a running store has the new epoch before a call uses a connection that shows it")
  func running() async throws {
    try await TestStore.run { test async throws in
      let changes = Mutex<[Epoch]>([])
      let store = try StreakStore(connectionString: test.place, loops: test.loops, connectionsPerLoop: 2)
      store.onEpochRise { epoch throws(StoreError) in
        let count = changes.withLock { changes in
          changes.append(epoch)
          return changes.count
        }
        // It is repeated, and no call is served before it has succeeded.
        if count == 1 { throw .unavailable(reason: "not yet") }
      }
      let result = await Task(executorPreference: test.loops[0]) { () -> Result<Void, any Error> in
        do {
          _ = try await store.readEpoch()
          let before = store.epoch
          _ = try await test.database.run(Self.forget)
          store.configuration.knownDatabase.renewConnections()
          #expect(try await store.hasCurrentSchema())
          let after = store.epoch
          #expect(after.number > before.number && after.bits != before.bits)
          #expect(changes.withLock { $0 } == [after, after])
          return .success(())
        } catch { return .failure(error) }
      }.value
      await store.close()
      try result.get()
    }
  }

  @Test("a device that is ahead of the data has the store look at the database's identity, now and then")
  func look() async throws {
    try await TestStore.run { test async throws in
      _ = try await test.store.readEpoch()
      var now = Instant.sample
      var known = test.store.epoch
      // Looked at; a short time ago; after the pause; the clock was set back.
      for (passed, isLooked) in [(0, true), (9_999, false), (1, true), (-20_000, true)] as [(Int64, Bool)] {
        now = now.advanced(byMilliseconds: passed)
        _ = try await test.database.run(Self.forget)
        try await test.store.lookAtDatabase(at: now)
        #expect((test.store.epoch != known) == isLooked, "\(passed)")
        known = test.store.epoch
      }
    }
  }

  @Test("a connection that shows an earlier epoch, or the same number with other bits, is not used")
  func foreign() async throws {
    let known = Epoch(number: 10, bits: 1)
    #expect(known.succession(of: known) == .same)
    #expect(known.succession(of: Epoch(number: 11, bits: 1)) == .later)
    #expect(known.succession(of: Epoch(number: 10, bits: 2)) == .foreign)
    #expect(known.succession(of: Epoch(number: 9, bits: 1)) == .foreign)
    let current = CurrentEpoch(logger: nil)
    current.set(known)
    await #expect(throws: DatabaseError.self) { try await current.adopt(Epoch(number: 10, bits: 2)) }
    #expect(current.value == known)
  }
}
