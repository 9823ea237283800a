public import Schema
public import StreakDomain

extension RecoveredHabit {
  /// - Parameter ledger: The account's, after the recovery.
  public init(_ habit: RestoredHabit, in ledger: PersonLedger, at now: Instant) {
    let state = ledger.habits[habit.habitID]
    self.init(
      habitId: habit.habitID.bytes, name: state?.fields.name ?? "", returns: habit.returns,
      before: Schema.Streak(habitID: habit.habitID, habit.before, in: ledger, at: now),
      after: Schema.Streak(habitID: habit.habitID, state?.summary ?? habit.before, in: ledger, at: now),
      daysReturning: habit.daysReturning.map(\.number), daysChanging: habit.daysChanging.map(\.number),
      daysConflicting: habit.daysConflicting.map(\.number))
  }
}
