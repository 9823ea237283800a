import EventLoop
import Postgres
import StreakStore
import Testing

@Suite(.serialized) struct RateLimitTests {
  private static func count(_ name: String, max: Int32 = 3, windowSeconds: Int32 = 3600) -> RateCount {
    RateCount(name: Array(name.utf8), callsMax: max, windowSeconds: windowSeconds)
  }

  private static func shift(_ test: TestStore, bySeconds seconds: Int) async throws {
    _ = try await test.database.run(
      Statement(
        .write,
        """
        UPDATE rate_limits SET expires_at = expires_at - \(seconds) * interval '1 second',
          calls = (SELECT array_agg(call - \(seconds) * interval '1 second' ORDER BY call) FROM unnest(calls) call)
        """))
  }

  @Test("C107: the N-th call is counted, the one after it is refused until the first is as old as the window")
  func limit() async throws {
    try await TestStore.run { test async throws in
      let store = test.store
      for _ in 0..<3 { #expect(try await store.countCall([Self.count("mira")]) == [0]) }
      let wait = try #require(try await store.countCall([Self.count("mira")]).first)
      #expect((3_590_000_000...3_600_000_000).contains(wait))
      #expect(try await store.countCall([Self.count("noa")]) == [0])
      try await Self.shift(test, bySeconds: 3600)
      for _ in 0..<3 { #expect(try await store.countCall([Self.count("mira")]) == [0]) }
      #expect(try await store.countCall([Self.count("mira")]) != [0])
    }
  }

  @Test("a call that weighs several counts as several; one that weighs more than all is counted once there is no other")
  func weights() async throws {
    try await TestStore.run { test async throws in
      func count(_ weight: Int32) async throws -> Int64 {
        let count = RateCount(name: Array("mira".utf8), callsMax: 8, windowSeconds: 3_600, weight: weight)
        return try await test.store.countCall([count])[0]
      }
      #expect(try await count(5) == 0)
      #expect(try await count(4) > 0)
      #expect(try await count(3) == 0)
      #expect(try await count(1) > 0)
      try await Self.shift(test, bySeconds: 3_600)
      #expect(try await count(9) == 0)
      let wait = try await count(1)
      #expect((3_590_000_000...3_600_000_000).contains(wait))
      #expect(try await count(9) > 0)
    }
  }

  @Test("a call refused by one count is not added to any")
  func together() async throws {
    try await TestStore.run { test async throws in
      let store = test.store
      for _ in 0..<3 { _ = try await store.countCall([Self.count("address")]) }
      for _ in 0..<5 {
        let waits = try await store.countCall([Self.count("mira"), Self.count("address")])
        #expect(waits.count == 2 && waits[0] == 0 && waits[1] > 0)
      }
      #expect(try await store.countCall([Self.count("mira", max: 1)]) == [0])
      #expect(try await store.countCall([]) == [])
    }
  }

  @Test("of 60 concurrent calls on two loops exactly the limit's number is counted")
  func concurrent() async throws {
    try await TestStore.run(loopCount: 2) { test async throws in
      let store = test.store
      let admitted = try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<60 {
          group.addTask(executorPreference: test.loops[index % 2]) {
            // In either order: neither may wait for the other.
            let counts = [Self.count("mira", max: 10), Self.count("address", max: 1000)]
            return try await store.countCall(index % 3 == 0 ? counts.reversed() : counts).allSatisfy { $0 == 0 }
          }
        }
        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(admitted == 10)
    }
  }

  @Test("outdated rows are removed, and the counted keys cannot be read from the others")
  func bounded() async throws {
    try await TestStore.run { test async throws in
      for index in 0..<100 { _ = try await test.store.countCall([Self.count("person \(index)")]) }
      #expect(try await test.count("rate_limits") == 100)
      try await Self.shift(test, bySeconds: 7200)
      for index in 0..<13 { _ = try await test.store.countCall([Self.count("other \(index)")]) }
      #expect(try await test.count("rate_limits") == 13)
      let lengths = try await test.database.run(
        Statement(.read, "SELECT DISTINCT octet_length(key) FROM rate_limits")
      ).map { row throws(DatabaseError) in try row.int32(0) }
      #expect(lengths == [32])
    }
  }
}
