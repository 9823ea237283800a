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
      var habits: [HabitRecord] = []
      for position in 0..<3 {
        let outcome = try await test.store.putHabit(.sample(position: Int32(position)), of: account.userID)
        guard case .stored(let stored) = outcome else {
          Issue.record("refused below the limit")
          return
        }
        habits.append(stored)
      }
      #expect(try await test.store.putHabit(.sample(), of: account.userID) == .limitReached)
      habits[0].name = "run"
      guard case .stored(let renamed) = try await test.store.putHabit(habits[0], of: account.userID) else {
        Issue.record("an existing habit was refused")
        return
      }
      #expect(renamed.name == "run" && renamed.version == 4)
      #expect(try await test.store.habitCount(of: account.userID) == 3)
    }
  }

  @Test("statistics look at the latest days, as many as the limit")
  func statisticsLimit() async throws {
    var limits = StoreLimits()
    limits.statisticsDaysMax = 4
    try await TestStore.run(limits: limits) { test async throws in
      let habit = HabitRecord.sample()
      let days = (0..<5).map { Moment.sampleDay + Int32($0) }
      let account = NewAccount.sample(
        session: .sample(habits: [(habit, .empty)], cells: days.map { .sample(habit.habitID, day: $0) }))
      _ = try await test.store.signUp(account)
      let all = try await test.store.dayCounts(
        of: account.userID, habitID: habit.habitID, firstDay: Day.earliest.number, lastDay: Day.latest.number)
      #expect(all == days.dropFirst().map { DayCounts(day: Day($0), counted: 1) })
      let some = try await test.store.dayCounts(
        of: account.userID, habitID: nil, firstDay: days[0], lastDay: days[3])
      #expect(some == days.dropLast().map { DayCounts(day: Day($0), counted: 1) })
    }
  }
}
