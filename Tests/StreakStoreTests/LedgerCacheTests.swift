import Postgres
import SplitMix
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

@Suite(.serialized) struct LedgerCacheTests {
  @Test("after any change the cached state equals the loaded state", arguments: seeds(6))
  func equalsLoaded(seed: UInt64) async throws {
    try await TestStore.run { test async throws in
      var randomness = SplitMix64(seed: seed)
      let person = try await TestPerson.signUp(test)
      var (seq, recalled) = (Int64(0), 0)
      for step in 0..<80 {
        let day = Instant.sampleDay - Int32.random(in: 0..<3, using: &randomness)
        let change: Operation.Change =
          switch Int.random(in: 0..<8, using: &randomness) {
          case 0: .editHabit(.init(habitID: person.habitID, fields: HabitFields(name: "read \(step)")))
          case 1, 2: .day(person.habitID, day, done: false)
          case 3: .deleteHabit(person.habitID)
          default: .day(person.habitID, day, note: "\(step % 3)")
          }
        if Bool.random(using: &randomness) {
          seq += 1
          _ = try await person.queue([change], from: seq).get()
        } else {
          _ = try await person.change(change)
        }
        guard let entry = test.store.ledgerCache.take(person.userID) else { continue }
        let loaded = PendingUser(person.userID, [PendingCall(person.request(.direct(change)))], attempts: 0)
        try await LoadStatement.read(
          [loaded], epoch: test.store.epoch, limits: StoreLimits(), by: test.database)
        let ledger = try #require(loaded.ledger)
        #expect(entry.rows == loaded.rows, "seed \(seed)")
        #expect(entry.ledger.epoch == ledger.epoch && entry.ledger.changeNumber == ledger.changeNumber, "seed \(seed)")
        #expect(entry.ledger.zones == ledger.zones && entry.ledger.digest == ledger.digest, "seed \(seed)")
        #expect(entry.ledger.habitCount == ledger.habitCount && entry.ledger.habitsMax == ledger.habitsMax)
        #expect(entry.ledger.habits == ledger.habits, "seed \(seed)")
        #expect(entry.ledger.cells == ledger.cells, "seed \(seed)")
        #expect(entry.ledger.sources == ledger.sources && entry.ledger.settings == ledger.settings, "seed \(seed)")
        #expect(entry.ledger.notices.isEmpty && entry.ledger.changes.isEmpty)
        test.store.ledgerCache.put(person.userID, entry)
        recalled += 1
      }
      #expect(recalled > 40, "seed \(seed)")
    }
  }

  @Test("a repeated change needs one statement; a change that stores nothing is loaded before its answer")
  func statements() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      func statements(_ note: String) async throws -> Int {
        let before = await test.store.databaseMetrics().statementsSent
        _ = try await person.change(.day(person.habitID, Instant.sampleDay, note: note))
        return await test.store.databaseMetrics().statementsSent - before
      }
      #expect(try await statements("first") == 2)
      #expect(try await statements("second") == 1)
      #expect(try await statements("second") == 1)
      #expect(try await statements("second") == 1)
      #expect(try await statements("third") == 1)
    }
  }

  @Test("two servers that change one user alternately agree, and no caller gets an error")
  func twoServers() async throws {
    try await TestStore.run { test async throws in
      let other = try await test.anotherStore()
      let person = try await TestPerson.signUp(test)
      let before = try await test.store.head(of: person.userID).changeNumber
      for step in 0..<20 {
        let request = person.request(
          .direct(.day(person.habitID, Instant.sampleDay - Int32(step % 3), note: "\(step)")))
        let answer = try await (step % 2 == 0 ? test.store : other).change(request).get()
        #expect(answer.outcomes[0].status == .applied)
        let undo = person.request(.direct(.day(person.habitID, Instant.sampleDay - Int32(step % 3), done: false)))
        #expect(try await (step % 2 == 0 ? other : test.store).change(undo).get().outcomes[0].changeNumber > 0)
      }
      #expect(try await test.store.head(of: person.userID).changeNumber == before + 40)
      // By the first one's cache the second call has nothing to do.
      let same = person.request(.direct(.day(person.habitID, Instant.sampleDay, note: "same")))
      let undo = person.request(.direct(.day(person.habitID, Instant.sampleDay, done: false)))
      for _ in 0..<2 {
        #expect(try await test.store.change(same).get().outcomes[0].changeNumber > 0)
        #expect(try await other.change(undo).get().outcomes[0].changeNumber > 0)
      }
      await other.close()
    }
  }

  @Test("a device that was displaced by another and returns continues its numbers")
  func displacedDevice() async throws {
    var limits = StoreLimits()
    limits.devicesPerPersonMax = 1
    try await TestStore.run(limits: limits) { test async throws in
      let person = try await TestPerson.signUp(test)
      _ = try await person.queue([.day(person.habitID, Instant.sampleDay, note: "a")], from: 1).get()
      #expect(test.store.ledgerCache.count == 1)
      let other = try await person.onAnotherDevice()
      #expect(try await test.count("devices") == 1)
      _ = try await other.queue([.day(person.habitID, Instant.sampleDay, note: "b")], from: 1).get()
      let answer = try await person.queue([.day(person.habitID, Instant.sampleDay, note: "c")], from: 1)
      #expect(throws: QueueRefusal.operationReused) { _ = try answer.get() }
      _ = try await person.queue([.day(person.habitID, Instant.sampleDay, note: "c")], from: 2).get()
    }
  }

  @Test("the cache holds at most 4 entries of a user, and a limited number of bytes in total")
  func bounds() async throws {
    try await TestStore.run { test async throws in
      let person = try await TestPerson.signUp(test)
      func days(_ count: Int32, from seq: Int64) async throws {
        _ = try await person.queue(
          (0..<count).map { .day(person.habitID, Instant.sampleDay - $0, note: "\(seq)") }, from: seq
        ).get()
      }
      let memory = test.store.ledgerCache
      try await days(5, from: 1)
      #expect(memory.take(person.userID) == nil)
      try await days(4, from: 6)
      let entry = try #require(memory.take(person.userID))
      #expect(entry.rows.count == 4)
      let small = LedgerCache(bytesMax: 20 * entry.bytes)
      for _ in 0..<50 {
        small.put(.random(), entry)
        #expect(small.metrics.bytes == small.count * entry.bytes && small.count <= 20)
      }
      #expect(small.count >= 10)
      small.put(person.userID, entry)
      for _ in 0..<9 { small.put(.random(), entry) }
      #expect(small.take(person.userID) != nil)
      small.put(person.userID, entry)
      for _ in 0..<20 { small.put(.random(), entry) }
      #expect(small.take(person.userID) == nil)
      // An entry that would displace all others is not cached, and its older version is removed.
      for (bytesMax, count) in [(2 * entry.bytes, 1), (2 * entry.bytes - 1, 0), (0, 0)] {
        let tiny = LedgerCache(bytesMax: bytesMax)
        tiny.put(person.userID, entry)
        #expect(tiny.count == count && tiny.metrics.bytes == count * entry.bytes)
      }
    }
  }
}
