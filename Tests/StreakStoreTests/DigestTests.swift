import SplitMix
import StreakDomain
@testable import StreakStore
import TestSupport
import Testing

/// The digest of the visible state, for changes that affect days they do not touch.
@Suite struct DigestTests {
  @Test("deleting and restoring a habit removes all its days from the digest and adds them again", arguments: seeds(6))
  func visibility(seed: UInt64) async throws {
    try await TestStore.run { test async throws in
      var randomness = SplitMix64(seed: seed)
      let person = try await TestPerson.signUp(test)
      let notes = ["", "a", "é, ß and 🏃", "tab\tand \\ and \"", String(repeating: "n", count: 300)]
      var next: Int64 = 1
      for step in 0..<40 {
        // Days far in the past are quarantined.
        let day = Instant.sampleDay - Int32.random(in: 0..<60, using: &randomness)
        let note = randomness.choice(of: notes)
        var changes = [Operation.Change.day(person.habitID, day, note: note)]
        switch Int.random(in: 0..<6, using: &randomness) {
        case 0: changes.append(.deleteHabit(person.habitID))
        case 1: changes.insert(.deleteHabit(person.habitID), at: 0)
        case 2: changes += [.deleteHabit(person.habitID), .day(person.habitID, day, done: false)]
        case 3: changes.append(.editHabit(.init(habitID: person.habitID, fields: HabitFields(name: "read \(step)"))))
        default: break
        }
        _ = try await person.queue(changes, from: next, seen: try await person.seen()).get()
        next += Int64(changes.count)
        let whole = try await test.store.pull(
          of: person.userID, for: person.deviceID, since: 0, at: nil, cellsMax: 1_000)
        var sum = StateDigest.empty
        for (id, habit) in whole.habits { sum += HabitState.itemDigest(habitID: id, habit.fields) }
        for (key, cell) in whole.cells { sum += CellState.itemDigest(key, cell.cell) }
        #expect(whole.head.digest == sum, "seed \(seed), step \(step), \(whole.cells.count) days")
      }
    }
  }
}
