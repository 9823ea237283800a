import EventLoop
import Postgres
import StreakDomain
import StreakStore
import Testing

@Suite(.serialized) struct HabitTests {
  @Test("as many habits as the limit can be made, one more cannot, and those that exist can still be changed")
  func limit() async throws {
    var limits = StoreLimits()
    limits.habitsPerPersonMax = 3
    try await TestStore.run(limits: limits) { test async throws in
      let account = NewAccount.sample()
      _ = try await test.store.signUp(account)
      let person = TestPerson(test: test, userID: account.userID, deviceID: account.device.deviceID, habitID: .zero)
      let ids = (0..<4).map { _ in Identifier.random() }
      func put(_ id: Identifier, _ name: String) async throws -> ChangeResult {
        try await person.change(.editHabit(Operation.HabitEdit(habitID: id, fields: HabitFields(name: name))))
      }
      for id in ids.prefix(3) { #expect(try await put(id, "read").outcomes[0].status == .applied) }
      #expect(try await put(ids[3], "read").outcomes[0].rejection == .habitLimit)
      let renamed = try await put(ids[0], "run")
      #expect(renamed.ledger.habits[ids[0]]?.fields.name == "run")
      #expect(renamed.ledger.habits[ids[0]]?.version == 4)
      #expect(try await test.store.habitCount(of: account.userID) == 3)
    }
  }

  @Test("statistics cover the latest days, as many as the limit")
  func statisticsLimit() async throws {
    var limits = StoreLimits()
    limits.statisticsDaysMax = 4
    try await TestStore.run(limits: limits) { test async throws in
      let habit = HabitEntry.sample()
      let days = (0..<5).map { Instant.sampleDay + Int32($0) }
      let account = NewAccount.sample(
        session: .sample(habits: [(habit, .empty)], cells: days.map { .sample(habit.id, day: $0) }))
      _ = try await test.store.signUp(account)
      let all = try await test.store.dayCounts(
        of: account.userID, habitID: habit.id, firstDay: Day.earliest.number, lastDay: Day.latest.number)
      #expect(all == days.dropFirst().map { DayCounts(day: Day($0), counted: 1) })
      let some = try await test.store.dayCounts(
        of: account.userID, habitID: nil, firstDay: days[0], lastDay: days[3])
      #expect(some == days.dropLast().map { DayCounts(day: Day($0), counted: 1) })
    }
  }
}
